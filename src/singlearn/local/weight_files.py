"""Which files hold weights."""

ENDINGS = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")

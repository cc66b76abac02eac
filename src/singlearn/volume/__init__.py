"""Volume V(t) = ∫ 1[K ≤ t] φ dw by nested sampling and by tempering, and λ from its fit."""

from singlearn.volume.by_nested_sampling import volume_by_nested_sampling
from singlearn.volume.by_tempering import volume_by_tempering
from singlearn.volume.curve import VolumeCurve
from singlearn.volume.fit import VolumeFit

__all__ = ["VolumeCurve", "VolumeFit", "volume_by_nested_sampling", "volume_by_tempering"]

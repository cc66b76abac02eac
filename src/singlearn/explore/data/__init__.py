"""What the explorer shows: tables that scripts here compute."""

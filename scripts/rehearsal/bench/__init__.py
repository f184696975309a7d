"""What ``scripts/bench`` does, in the stand-ins' environment: rounds of runs side by side, and what they tell."""

"""A release of amlwheel itself: what changes with it, and what is checked. `scripts/release` is the way in."""

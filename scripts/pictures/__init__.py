"""Pictures of what people see: the pages as GitHub shows them, and what a run writes. `scripts/shots` is the way in."""

"""What `mitmdump -s addon.py --set rehearsal=FILE` loads; FILE is the JSON that `world.World` writes."""

import logging

# mitmproxy runs this file outside any package, so that a relative import would find nothing.
from rehearsal.proxy.door import Door

logging.getLogger("asyncio").setLevel(logging.WARNING)
addons = [Door()]

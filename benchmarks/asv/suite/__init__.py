"""What asv follows over the commits: ratios within one run, so that machines may differ.

The problems and the way of measuring are those of the scripts beside it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

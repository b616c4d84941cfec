"""One display of each kind, made of small fitted nets."""

from curvature_displays import CURVATURE
from net_displays import NETS
from statistics_displays import STATISTICS

DISPLAYS = STATISTICS | CURVATURE | NETS

"""Small fitted nets, and one display of each kind made of them."""

DISPLAYS = {}

"""The logo: level lines of a quadratic, and Newton's one step to its minimum.

    python doc/pictures/logo.py

writes ``doc/_static/logo.svg``, which is the icon of the site, too.
"""

from pathlib import Path

BLUE, ORANGE = "#0072B2", "#E69F00"
SIZE, CENTRE, TILT = 64, 32, -35  # pixels, pixels, degrees
LEVELS = (1, 4, 9)  # of x' H x, so that the half axes grow evenly
HALF_AXES = (9.5, 5.0)  # of the first level: the eigenvalues of H are as 1 to 3.6


def logo() -> str:
    """The logo as SVG."""
    ellipses = "".join(
        f'<ellipse rx="{HALF_AXES[0] * level**0.5:g}" ry="{HALF_AXES[1] * level**0.5:g}" '
        f'stroke-width="{2.6 if level == LEVELS[-1] else 2.2}"/>'
        for level in LEVELS
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">'
        "<title>sknewtonnet</title>"
        f'<g transform="translate({CENTRE} {CENTRE}) rotate({TILT})" fill="none" stroke="{BLUE}">'
        f"{ellipses}</g>"
        f'<path d="M8 10 L{CENTRE} {CENTRE}" stroke="{ORANGE}" stroke-width="4" '
        'stroke-linecap="round"/>'
        f'<circle cx="8" cy="10" r="4.5" fill="{ORANGE}"/>'
        f'<circle cx="{CENTRE}" cy="{CENTRE}" r="5" fill="{ORANGE}"/>'
        "</svg>\n"
    )


if __name__ == "__main__":
    folder = Path(__file__).parents[1] / "_static"
    (folder / "logo.svg").write_text(logo(), encoding="utf-8")

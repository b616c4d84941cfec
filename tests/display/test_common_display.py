"""What every display promises, whatever it shows. A new display is one more case."""

import builtins
import copy
import inspect
import pickle

import matplotlib as mpl
import pytest
from display_cases import DISPLAYS

from sknewtonnet import display as package
from sknewtonnet.display import Display

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

each_display = pytest.mark.parametrize("name", DISPLAYS)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def drawn():
    """Make each display once; they hold numbers only."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = DISPLAYS[name]()
            plt.close("all")
        return made[name]

    return make


def panels(display):
    return list(display.axes_.ravel()) if hasattr(display, "axes_") else [display.ax_]


def test_every_public_display_has_a_case(drawn):
    shown = {type(drawn(name)).__name__ for name in DISPLAYS}
    assert shown == set(package.__all__) - {"Display"}


@each_display
def test_plot_returns_the_display_and_keeps_axes_and_figure(name, drawn):
    display = drawn(name)
    assert isinstance(display, Display)
    assert display.plot() is display
    assert isinstance(display.figure_, mpl.figure.Figure)
    assert all(ax.figure is display.figure_ for ax in panels(display))


@each_display
def test_plot_draws_where_it_is_told(name, drawn):
    figure, (left, right) = plt.subplots(1, 2)
    display = drawn(name).plot(ax=right)
    assert display.figure_ is figure
    assert not left.has_data()
    if not hasattr(display, "axes_"):
        assert display.ax_ is right


@each_display
def test_axes_say_what_they_show(name, drawn):
    for ax in panels(drawn(name).plot()):
        if ax.axison and ax.has_data():
            assert ax.get_xlabel()
            assert ax.get_ylabel() or ax.get_yticklabels()


@each_display
def test_a_picture_can_be_drawn_again_and_saved(name, drawn, tmp_path):
    display = drawn(name)
    for kind in ("png", "pdf"):
        display.plot().figure_.savefig(tmp_path / f"picture.{kind}")
        assert (tmp_path / f"picture.{kind}").stat().st_size > 1000


@each_display
def test_pictures_can_be_seen_on_dark_ground(name, drawn):
    with plt.style.context("dark_background"):
        display = drawn(name).plot()
    for one in (
        *display.figure_.findobj(mpl.text.Text),
        *display.figure_.findobj(mpl.lines.Line2D),
    ):
        empty = not (one.get_text() if isinstance(one, mpl.text.Text) else len(one.get_xdata()))
        assert empty or mpl.colors.to_hex(one.get_color()) != "#000000", one
    if hasattr(display, "contours_") and name == "loss surface":
        assert {mpl.colors.to_hex(c) for c in display.contours_.get_edgecolor()} == {"#ffffff"}


@each_display
def test_looking_draws_nothing(name, drawn):
    display = copy.copy(drawn(name))
    plt.close("all")
    for attribute in ("ax_", "axes_", "figure_"):
        vars(display).pop(attribute, None)
    assert len(repr(display)) < 2000
    dir(display)
    again = pickle.loads(pickle.dumps(display))
    assert not plt.get_fignums()
    assert again.plot() is again


@each_display
def test_without_matplotlib_the_message_says_what_to_install(name, drawn, monkeypatch):
    display, known = drawn(name), builtins.__import__

    def without(module, *args, **keywords):
        if module.startswith("matplotlib"):
            raise ImportError(module)
        return known(module, *args, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=f"{type(display).__name__} needs matplotlib"):
        display.plot()


@pytest.mark.parametrize("cls", [getattr(package, name) for name in package.__all__])
def test_signatures_follow_scikit_learn(cls):
    parameters = inspect.signature(cls.plot).parameters
    assert list(parameters)[:2] == ["self", "ax"]
    assert parameters["ax"].default is None
    if cls is not Display:
        makers = [name for name in vars(cls) if name.startswith("from_")]
        assert makers

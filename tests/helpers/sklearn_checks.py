"""scikit-learn's checks of estimators, and those that read one table in many containers."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

# They fit the same numbers again and again: sparse in eight formats, as float32, integers or
# objects, from read-only memory, with a column of targets, with weights in a list or a series.
CONTAINER_CHECKS = frozenset(
    {
        "check_classifier_data_not_an_array",
        "check_dtype_object",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
        "check_estimators_dtypes",
        "check_f_contiguous_array_estimator",
        "check_readonly_memmap_input",
        "check_regressor_data_not_an_array",
        "check_regressors_int",
        "check_sample_weight_equivalence_on_sparse_data",
        "check_sample_weights_list",
        "check_sample_weights_not_an_array",
        "check_sample_weights_pandas_series",
        "check_supervised_y_2d",
    }
)


def reads_containers(check) -> bool:
    """Whether the check is of a container of the table, rather than of the estimator."""
    other_memory = {"readonly_memmap", "X_dtype"} & check.keywords.keys()
    return check.func.__name__ in CONTAINER_CHECKS or bool(other_memory)


def with_checks(estimators, readers):
    """Parametrise a test by the checks of estimators and, of containers, those of readers.

    Estimators of one kind read tables in one place, before layers, losses and solvers see them:
    the readers are one or a few of each kind, and the containers of all others are slow tests.
    """
    of_all = parametrize_with_checks(estimators)
    cases = [
        pytest.param(*case, marks=[pytest.mark.slow] * reads_containers(case[1]))
        for case in of_all.args[1]
    ]
    of_readers = parametrize_with_checks(readers).args[1] if readers else []
    cases += [case for case in of_readers if reads_containers(case[1])]
    return pytest.mark.parametrize(of_all.args[0], cases, ids=of_all.kwargs["ids"])

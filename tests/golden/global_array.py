import numpy as np

TABLE = np.array([0.792366731926673, 1.5847322120055107, 0.7824530061826201, 1.346258722984035], dtype=np.float64)


def global_array_value_and_grad(x):
    TABLE_1 = TABLE
    if TABLE_1.shape[0] != x.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    product = TABLE_1 * x
    if product.shape[0] != x.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    TABLE_1_1 = TABLE_1[1]
    value = np.sum(product * x) + TABLE_1_1 * x[2]
    # backward: return np.sum(TABLE * x * x) + TABLE[1] * x[2]
    x_bar = np.zeros_like(x)
    x_bar[2] += TABLE_1_1
    x_bar += product
    x_bar += x * TABLE_1
    return value, x_bar

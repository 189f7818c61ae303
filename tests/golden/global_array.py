import numpy as np

TABLE = np.array([0.792366731926673, 1.5847322120055107, 0.7824530061826201, 1.346258722984035], dtype=np.float64)


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def global_array_value_and_grad(x):
    TABLE_1 = TABLE
    product = TABLE_1 * x
    product_1 = product * x
    TABLE_1_1 = TABLE_1[1]
    value = np.sum(product_1) + TABLE_1_1 * x[2]
    # backward: return np.sum(TABLE * x * x) + TABLE[1] * x[2]
    x_bar = np.zeros_like(x)
    x_bar[2] += TABLE_1_1
    product_1_bar = np.full_like(product_1, 1.0)
    product_bar = unbroadcast_1d_1d(product_1_bar * x, product)
    x_bar += unbroadcast_1d_1d(product_1_bar * product, x)
    x_bar += unbroadcast_1d_1d(product_bar * TABLE_1, x)
    return value, x_bar

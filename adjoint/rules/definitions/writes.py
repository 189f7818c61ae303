"""Functions of NumPy that write into an array, as loops."""

from __future__ import annotations

from typing import Any


def fill_diagonal(a: Any, val: Any, wrap: Any = False) -> None:
    for k in range(min(a.shape[0], a.shape[1])):
        a[k, k] = val


def putmask(a: Any, mask: Any, values: Any) -> None:
    if a.shape != mask.shape:
        raise ValueError("putmask: mask and data must be the same size")
    for k in range(a.shape[0]):
        if a.ndim == 1:
            if mask[k]:
                a[k] = values
        else:
            for j in range(a.shape[1]):
                if mask[k, j]:
                    a[k, j] = values


def put(a: Any, ind: Any, v: Any) -> None:
    if v.shape[0] > 0:
        for k in range(ind.shape[0]):
            a[ind[k]] = v[k % v.shape[0]]


def put_number(a: Any, ind: Any, v: Any) -> None:
    for k in range(ind.shape[0]):
        a[ind[k]] = v


def put_one(a: Any, ind: Any, v: Any) -> None:
    a[ind] = v


def place(arr: Any, mask: Any, vals: Any) -> None:
    if vals.shape[0] == 0:
        raise ValueError("Cannot insert from an empty array!")
    count = 0
    for k in range(arr.shape[0]):
        if mask[k]:
            arr[k] = vals[count % vals.shape[0]]
            count += 1


def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    for i in range(indices.shape[0]):
        if arr.ndim == 1:
            arr[indices[i]] = values[i]
        else:
            for j in range(indices.shape[1]):
                if axis % 2 == 0:
                    arr[indices[i, j], j] = values[i, j]
                else:
                    arr[i, indices[i, j]] = values[i, j]

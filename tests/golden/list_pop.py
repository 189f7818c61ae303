import numpy as np


def list_pop_value_and_grad(x):
    stack = [x[0]]
    for i in range(1, x.shape[0]):
        stack.append(x[i] * stack[-1])
    value_tape = []
    value_tape_1 = []
    s = 0.0
    trips = 0
    while True:
        trips += 1
        stack_len = len(stack)
        value_tape_1.append(stack_len)
        test = stack_len > 2
        if test:
            stack_top = stack.pop()
            value_tape.append(stack_top)
            s += stack_top**2
        if not test:
            break
    value = s + stack[0]
    # backward: return s + stack[0]
    stack_bar = [0.0] * len(stack)
    stack_bar[0] += 1.0
    for trip in range(trips - 1, -1, -1):
        stack_len = value_tape_1.pop()
        if stack_len > 2:
            stack_top = value_tape.pop()
            # backward: s += stack.pop() ** 2
            stack.append(stack_top)
            stack_bar.append(2.0 * stack_top)
    x_bar = np.zeros_like(x)
    for i in range(x.shape[0] - 1, 0, -1):
        stack.pop()
        # backward: stack.append(x[i] * stack[-1])
        _item_bar = stack_bar.pop()
        stack_bar[-1] += _item_bar * x[i]
        x_bar[i] += _item_bar * stack[-1]
    # backward: stack = [x[0]]
    x_bar[0] += stack_bar[0]
    return value, x_bar

"""Memory: whether two arguments share some, and where a cache line starts in it."""

TEXT = '''
def share_memory(a, b):
    a_start = a.ctypes.data
    b_start = b.ctypes.data
    a_stop = a_start + a.itemsize
    b_stop = b_start + b.itemsize
    for k in range(a.ndim):
        if a.shape[k] == 0:
            return False
        reach = (a.shape[k] - 1) * a.strides[k]
        a_start += min(reach, 0)
        a_stop += max(reach, 0)
    for k in range(b.ndim):
        if b.shape[k] == 0:
            return False
        reach = (b.shape[k] - 1) * b.strides[k]
        b_start += min(reach, 0)
        b_stop += max(reach, 0)
    return a_start < b_stop and b_start < a_stop


def from_line(memory):
    spare = 64 // memory.itemsize
    first = (64 - memory.ctypes.data % 64) % 64 // memory.itemsize
    return memory[first : first + memory.size - spare]
'''

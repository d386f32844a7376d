"""Asks the machine's libseccomp what runc would ask it. A profile per line of standard input, a filter per line of output:
in  {"default": action value, "architectures": [token], "rules": [{"name", "action", "conditions": [[index, op, a, b]]}]}
out {"filter": base64} or {"error": errno}; and "newest": the largest number of all names by architecture token.
A line {"names": [...], "architectures": [...]} is answered with the numbers of the names: libcontainer/seccomp of runc.
"""
import base64
import ctypes
import json
import os
import sys
import tempfile

lib = ctypes.CDLL('libseccomp.so.2', use_errno=True)


class Condition(ctypes.Structure):
    _fields_ = [('arg', ctypes.c_uint), ('op', ctypes.c_int), ('a', ctypes.c_uint64), ('b', ctypes.c_uint64)]


lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_init.argtypes = [ctypes.c_uint32]
lib.seccomp_release.argtypes = [ctypes.c_void_p]
lib.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
lib.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
lib.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Condition)]
lib.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
lib.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
lib.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
EEXIST = 17


def number(token, name):
    return lib.seccomp_syscall_resolve_name_arch(token, name.encode())


def build(ctx, job):
    for token in job['architectures']:
        error = lib.seccomp_arch_add(ctx, token)
        if error not in (0, -EEXIST):
            return {'error': -error}
    for rule in job['rules']:
        if rule['action'] == job['default']:
            continue
        syscall = lib.seccomp_syscall_resolve_name(rule['name'].encode())
        if syscall == -1:
            continue
        conditions = [Condition(i, op, int(a), int(b)) for i, op, a, b in rule['conditions']]
        indexes = [c.arg for c in conditions]
        lists = [conditions] if len(set(indexes)) == len(indexes) else [[c] for c in conditions]
        for each in lists:
            error = lib.seccomp_rule_add_array(
                ctx, rule['action'], syscall, len(each), (Condition * len(each))(*each))
            if error != 0:
                return {'error': -error}
    with tempfile.TemporaryFile() as file:
        error = lib.seccomp_export_bpf(ctx, file.fileno())
        if error != 0:
            return {'error': -error}
        file.seek(0)
        return {'filter': base64.b64encode(file.read()).decode()}


for line in sys.stdin:
    job = json.loads(line)
    if 'names' in job:
        answer = {'numbers': {name: [number(token, name) for token in job['architectures']] for name in job['names']}}
    else:
        ctx = lib.seccomp_init(job['default'])
        if not ctx:
            answer = {'error': 22}
        else:
            answer = build(ctx, job)
            lib.seccomp_release(ctx)
            newest = {t: max([number(t, r['name']) for r in job['rules']] + [0]) for t in job['architectures']}
            answer['newest'] = newest
    print(json.dumps(answer), flush=True)

# Stopped by unknown-name: what could reach the machine is not there.
def compute_dense_reward(self):
    a = eval("1 + 1")  # error: [unknown-name]
    b = exec("import os")  # error: [unknown-name]
    c = open("/etc/passwd")  # error: [unknown-name]
    d = __import__("os")  # error: [unknown-name]
    e = compile("1", "", "eval")  # error: [unknown-name]
    f = globals()  # error: [unknown-name]
    g = vars(self)  # error: [unknown-name]
    h = input()  # error: [unknown-name]
    i = __builtins__  # error: [unknown-name]
    j = breakpoint()  # error: [unknown-name]
    return self.x

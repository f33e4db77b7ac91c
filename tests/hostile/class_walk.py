# Stopped by unknown-attribute: the way from a value to every class of Python.
def compute_dense_reward(self):
    a = ().__class__.__bases__[0].__subclasses__()  # error: [unknown-attribute]
    b = "".__class__  # error: [unknown-attribute]
    c = (1.0).__class__  # error: [unknown-attribute]
    d = [].__init__  # error: [unknown-attribute]
    e = compute_dense_reward.__globals__  # error: [unknown-attribute]
    return self.x

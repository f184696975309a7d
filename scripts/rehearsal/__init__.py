"""A local Azure on which the unmodified step runs: stand-ins behind one TLS-terminating proxy.

Whatever a stand-in answers is a claim about Azure; each rule names the public reference it rests on.
"""

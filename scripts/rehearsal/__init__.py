"""A local Azure on which the unmodified step runs: stand-ins behind one TLS-terminating proxy.

Whatever a stand-in answers is a claim about Azure; each rule names the public reference it rests on.

What is in which package, from the top, which may import all below it, to the ground:

* `scale`: what many packages and workspaces cost, for docs/scale.md
* `heavy`: a lock of gigabytes, for `scripts/bench`
* `command`: what `scripts/rehearse` does, and its command line
* `proxy`: the proxy, its log and faults, and the local Azure as a context, `world.World`
* `azureml`: the services behind azureml-core
* `builder`: the image builder
* `git_host`: github.com and Azure Repos; `registry`: container registries; `torch_index`: PyTorch's own index;
  `advisories`: the public database of them
* `arm`: Azure Resource Manager; `artifacts`: feeds, their REST interface, and the public index behind them
* `storage`: accounts, roles and signatures; `sign_in`: Entra, and the tokens that CI hosts give to a job
* `state`: what the local Azure remembers; `web`: routes, answers and tokens, of which every stand-in is made
"""

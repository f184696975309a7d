"""The inputs of the companion that checks a release before a job uses it."""

from dataclasses import dataclass

from ..model.azure import Workspace
from .knob import knob
from .readers import check_pair, days, guid, workspaces


@dataclass(frozen=True, kw_only=True)
class Consumed:
    """The inputs of the companion that checks a release before a job uses it; see `consume`."""

    receipt: str = knob("Path of the receipt, `aml-release.json`.", default="aml-environment/aml-release.json")
    workspace: tuple[Workspace, ...] = knob(
        "Workspace, or several, one a line, where the environment has to be. Default: each that it was released to.",
        lines=True,
        read=workspaces,
    )
    client_id: str = knob("Entra application to sign in as by OIDC; the job needs `id-token: write`.", read=guid)
    tenant_id: str = knob("Entra tenant of `client-id`.", read=guid)
    alarm_days: int | None = knob(
        "Fail when the stored token expires within so many days, if the day is known.", read=days
    )

    def __post_init__(self) -> None:
        """Check what concerns several inputs."""
        check_pair(self.client_id, self.tenant_id)

    @property
    def application(self) -> tuple[str, str]:
        """The application to sign in as by OIDC, and its tenant; empty when the user wants something else."""
        return self.client_id, self.tenant_id

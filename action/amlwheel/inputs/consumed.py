"""The inputs of `consume`, which checks a release before a training job uses it."""

from dataclasses import dataclass

from ..model.azure import Target
from .knob import knob
from .readers import days, guid, targets


@dataclass(frozen=True, kw_only=True)
class Consumed:
    """The inputs of one check, read; see `consume`."""

    receipt: str = knob(
        "Path of the receipt, `aml-release.json`.",
        default="aml-environment/aml-release.json",
        pipeline="a check has no project",
    )
    workspace: tuple[Target, ...] = knob(
        "Workspace on which the environment must be registered; several lines name several. With a registry among "
        "them, `azureml://registries/NAME`, jobs have the environment from there, and the workspaces need only its "
        "connection. Default: every workspace of the release.",
        lines=True,
        read=targets,
    )
    client_id: str = knob(
        "Entra application (client id) that signs in by OIDC; the job needs `id-token: write`.", read=guid
    )
    tenant_id: str = knob("Entra tenant of `client-id`.", read=guid)
    alarm_days: int | None = knob(
        "Fail if the stored token expires within this number of days, as far as its last day is known.",
        read=days,
    )

    @property
    def application(self) -> tuple[str, str]:
        """The application that signs in by OIDC, and its tenant; both are empty when another identity signs in."""
        return self.client_id, self.tenant_id

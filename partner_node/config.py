"""Settings of a node: a TOML file, and environment variables that go before it.

    party = "party.toml"                # identity file: name, certificate, signing key
    roots = "roots.toml"                # trust roots, from the ceremony
    programme = "ecny-shanghai"
    methodologies = ["cn-ecny-shanghai"]    # of the catalogue, or paths of YAML files
    store = "node.duckdb"
    hub_address = "hub.example:7443"
    address = "127.0.0.1:7410"          # where the platform's own back end calls

    [statistics]                        # how cells of published tables are found
    categories = "categories.toml"      # see partner_node.statistics.categories; may be left out

    [engine]                            # where encrypting and proving is done
    kind = "local"                      # or "spark": see fedcarbon.engine.settings
    workers = 0                         # processes; 0 for one per core

Relative paths are relative to the file. Every setting can be given as FEDCARBON_ and its name in
capitals (FEDCARBON_ENGINE__SPARK_URL for one of a table); a secret never stands in this file, only
where its file lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from typing_extensions import override

from fedcarbon.engine.settings import EngineSettings
from fedcarbon.errors import ConfigurationError
from fedcarbon.wire.clocks import FILE_PREFIX, SYSTEM

ENVIRONMENT_PREFIX: Final = "FEDCARBON_"
CATALOGUE_SUFFIX: Final = ".yaml"
COMMIT_DELAY_DEFAULT_S: Final = 3_600


class NodeSettingsError(ConfigurationError):
    """The settings are incomplete or wrong; the message names them."""

    code: ClassVar[str] = "NODE_SETTINGS"


class StatisticsSettings(BaseModel):
    """How this partner takes part in tables of statistics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    categories: Path | None = None
    """The rules by which cells are found; without it everything is in the rest."""


class NodeSettings(BaseSettings):
    """Everything that a node must be told."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    party: Path
    """Identity file."""
    roots: Path
    """Trust roots."""
    programme: str
    methodologies: tuple[str, ...] = Field(min_length=1)
    """What activities are counted by: ids in the catalogue, or paths of YAML files."""
    store: Path
    """The node's own DuckDB file."""
    hub_address: str
    """Host and port of the hub."""
    hub_id: str = "hub"
    """The hub's party id, which its certificate must name."""
    address: str = "127.0.0.1:7410"
    """Where the in-house service listens."""
    clock: str = SYSTEM
    """`system`, or `file:` and a path for demos and tests."""
    poll_s: float = Field(default=5.0, gt=0, le=3_600)
    """How long to wait after a step that found nothing to do, in seconds."""
    commit_delay_s: int = Field(default=COMMIT_DELAY_DEFAULT_S, ge=0)
    """How long after the end of an epoch's last day to wait for activities before committing."""
    engine: EngineSettings = EngineSettings()
    """Where large work is done; a table of its own in the file."""
    statistics: StatisticsSettings = StatisticsSettings()
    """A table of its own too."""

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment go before the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(path: Path) -> NodeSettings:
    """Return the settings in the TOML file at `path`, with the environment before it.

    Raises:
        NodeSettingsError: the file is missing or no TOML, or a setting is missing or wrong.
    """
    if not path.is_file():
        raise NodeSettingsError(f"there is no settings file {path.name}; write one, see --help")

    class FileSettings(NodeSettings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        settings = FileSettings()  # type: ignore[call-arg]  # from the file and the environment
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg'].lower()}" for item in error.errors()
        )
        raise NodeSettingsError(f"{path.name}: {wrong}") from None
    except ValueError as error:
        raise NodeSettingsError(f"{path.name} is not TOML: {error}") from error
    return _located(settings, path.parent)


def _located(settings: NodeSettings, folder: Path) -> NodeSettings:
    """Return `settings` with every path made relative to `folder`."""
    changes: dict[str, object] = {
        name: folder / getattr(settings, name) for name in ("party", "roots", "store")
    }
    changes["methodologies"] = tuple(
        str(folder / named) if named.endswith(CATALOGUE_SUFFIX) else named
        for named in settings.methodologies
    )
    categories = settings.statistics.categories
    if categories is not None:
        changes["statistics"] = StatisticsSettings(categories=folder / categories)
    if settings.clock.startswith(FILE_PREFIX):
        changes["clock"] = f"{FILE_PREFIX}{folder / settings.clock.removeprefix(FILE_PREFIX)}"
    return settings.model_copy(update=changes)

"""How this process starts. Read once, frozen: ``serena.toml``, then ``SERENA_*``, then flags; the later
wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as SourceError,
)

from core.domain.errors import SettingsError

CONFIG_FILE = "serena.toml"
SECRET = ("users", "api_keys", "webhook_secret", "store")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HttpSettings(_Section):
    """The HTTP door."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(7860, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    max_body_mb: int = Field(256, ge=1, description="largest request body, in MiB")
    users: tuple[SecretStr, ...] = Field((), description="who may call, as name:password; none: everybody")
    api_keys: tuple[SecretStr, ...] = Field((), description="keys taken as Authorization: Bearer KEY")
    allow_open: bool = Field(False, description="listen beyond this machine although nobody needs a password")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="names this server is called by, besides localhost, IP addresses and host; * is any"
    )
    cors_origins: tuple[str, ...] = Field((), description="pages that may call from a browser; * takes any")
    cors_origin_regex: str | None = Field(None, description="the same as a pattern that an origin must match")
    tls_cert: Path | None = Field(None, description="certificate file (PEM); with tls_key: speak https")
    tls_key: Path | None = Field(None, description="private key file (PEM) of tls_cert")
    subpath: str = Field("", description="path in front of every route, as /serena behind a reverse proxy")
    log_requests: bool = Field(False, description="log one line for each request below /sdapi, /api and /v1")
    server_control: bool = Field(False, description="offer server-stop, -restart and -kill; needs users")
    open_metrics: bool = Field(
        False, description="answer GET /metrics to everybody, although others need a password"
    )
    keep_alive: int = Field(30, ge=1, description="seconds that an idle connection stays open")
    receive_timeout: float = Field(
        30.0,
        gt=0,
        description="seconds that a request may take to arrive; a body that keeps coming gets more",
    )
    grace: int = Field(10, ge=0, description="seconds that requests in progress get at the end")

    @property
    def guarded(self) -> bool:
        """Whether callers must say who they are."""
        return bool(self.users or self.api_keys)


class BackendSettings(_Section):
    """What draws."""

    name: str = Field(
        "auto",
        description="fake, torch, onnx or a plugin's backend; auto takes torch where it is installed",
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps")
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="number format of the weights"
    )
    threads: int = Field(
        0, ge=0, description="threads of one model evaluation on the CPU; 0 takes half of the cores"
    )
    max_runs: int = Field(0, ge=0, description="runs in flight at once; 0 lets the backend decide")
    max_rows: int = Field(
        16, ge=2, description="most rows of one forward pass that runs share; a picture takes two"
    )
    deterministic: bool = Field(
        False, description="share no forward pass: pictures do not even differ by rounding"
    )
    compile: Literal["off", "regional"] = Field(
        "off", description="regional: compile the repeated blocks of the UNet behind the first passes"
    )
    cuda_graphs: bool = Field(
        False, description="replay passes of 1, 2, 4, 8 and 16 rows from CUDA graphs; no effect elsewhere"
    )
    channels_last: bool = Field(False, description="keep the channels of UNet and VAE innermost in memory")
    fused_qkv: bool = Field(False, description="one product for queries, keys and values of an attention")
    decode_stream: bool = Field(
        False, description="decode pictures on a CUDA stream of their own; no effect elsewhere"
    )
    pinned_copies: bool = Field(
        False, description="noise and masks go to a CUDA device by way of pinned memory; no effect elsewhere"
    )
    passes_ahead: int = Field(
        0, ge=0, description="passes that the host may be ahead of a CUDA device; 0: as many as it likes"
    )
    decode_rows: int = Field(
        1, ge=1, description="most pictures of one call of the VAE, of runs that end together"
    )
    encode_rows: int = Field(
        1, ge=1, description="most chunks of prompts of one text encoder call, of runs that begin together"
    )
    step_cache: int = Field(
        1, ge=1, description="compute the deep blocks of the UNet at one of so many evaluations; 1: at each"
    )
    fp8: bool = Field(
        False, description="products of the UNet's transformer blocks in fp8; needs CUDA and torchao"
    )
    step_seconds: float = Field(0.0, ge=0, description="what a model evaluation of the fake backend takes")
    zero_cost: bool = Field(False, description="fake backend: skip sampling, to measure what surrounds it")


class ModelSettings(_Section):
    """Where checkpoints are."""

    dir: Path | None = Field(None, description="models folder; default: models below the data folder")
    builtin: bool = Field(True, description="offer the built-in model")
    default: str | None = Field(
        None, description="model of requests that name none; default: the first listed"
    )
    memory_mb: int | None = Field(
        None,
        ge=1,
        description="MiB that loaded checkpoints may take together, the least recently used out first; "
        "default: the option sd_checkpoints_limit says how many stay",
    )
    warm_mb: int | None = Field(
        None,
        ge=1,
        description="MiB of checkpoints that stay in page-locked memory of the host, so that a CUDA device "
        "gets them back without their files; no effect elsewhere; default: none stay",
    )


class PluginSettings(_Section):
    """Which plugins are loaded. Further tables hold the settings of single ones, as in
    ``plugins.sepia.strength``."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, dict[str, Any]]

    only: tuple[str, ...] | None = Field(None, description="load only these, by entry point name")
    block: tuple[str, ...] = Field((), description="never load these")
    on_error: Literal["fail", "skip"] = Field("fail", description="what a run does when a plugin raises")
    errors: dict[str, Literal["fail", "skip"]] = Field(
        {}, description="the same for single plugins, by their names"
    )
    hook_seconds: float = Field(
        300.0, ge=0, description="what one call of an installed plugin may take in a run; 0 sets no limit"
    )
    load_seconds: float = Field(
        30.0,
        ge=0,
        description="what loading an installed plugin, and its part in start and end, may take; 0: no limit",
    )

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """What is said to single plugins, by their names."""
        return dict(self.__pydantic_extra__)


class JobSettings(_Section):
    """The queue."""

    store: str = Field(
        "auto",
        description="memory, sqlite (in the data folder) or the URL of a PostgreSQL database; auto takes "
        "sqlite for a server and memory for a command",
    )
    max_queued: int = Field(100_000, ge=1, description="jobs that may wait; more are refused")
    max_per_client: int | None = Field(
        None, ge=1, description="jobs that may wait of one user, or of one client where nobody has a name"
    )
    max_queued_mb: int | None = Field(
        2048, ge=1, description="MiB that the requests of waiting jobs hold at most, pictures included"
    )
    keep: int = Field(1000, ge=1, description="ended jobs that are kept, with their pictures")
    keep_hours: float | None = Field(None, gt=0, description="hours that an ended job is kept at most")
    keep_mb: int | None = Field(
        512, ge=1, description="MiB that ended jobs hold at most: pictures and requests"
    )
    lease_seconds: float = Field(
        30.0, gt=1, description="silence after which a job is taken from a server that nobody can see"
    )
    max_attempts: int = Field(3, ge=1, description="how often a worker may die of a job before it fails")
    cancel_on_disconnect: bool = Field(
        True, description="stop the job of a client that closes its connection, unless others wait for it"
    )
    drain_seconds: float = Field(
        30.0, ge=0, description="seconds that running jobs get at the end before they are put back"
    )
    webhook_hosts: tuple[str, ...] = Field(
        (), description="hosts that jobs may tell of their end, as name or name:port; needs webhook_secret"
    )
    webhook_secret: SecretStr | None = Field(None, description="key of the signature on webhooks")


class WorkerSettings(_Section):
    """Where jobs run."""

    kind: Literal["thread", "process"] = Field(
        "thread", description="process: in a child of its own, whose death costs one attempt of a job"
    )
    timeout_seconds: float = Field(
        600.0, gt=0, description="kind process: a child whose run gives no sign of life for so long is ended"
    )


class LimitSettings(_Section):
    """What one request may ask for."""

    max_pixels: int = Field(4096 * 4096, ge=64, description="width times height of one picture")
    max_images: int = Field(1024, ge=1, description="batch_size times n_iter")
    max_steps: int = Field(1000, ge=1, description="sampling steps")
    max_prompt: int = Field(100_000, ge=1, description="characters of one prompt")


class HubSettings(_Section):
    """Where models may be fetched from."""

    allow: bool = Field(
        False, description="whether serena models pull may fetch; a server never fetches anything"
    )


class LogSettings(_Section):
    """What is printed."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level that is printed"
    )
    format: Literal["text", "json"] = Field(
        "text", description="how a line is printed; json: one object each"
    )


class Settings(BaseSettings):
    """Every setting. ``docs/reference/settings.md`` is made from this and checked against it."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="SERENA_",
        env_nested_delimiter="__",
    )

    data_dir: Path = Field(
        Path(), description="data folder: outputs, models, options; default: the working folder"
    )
    http: HttpSettings = HttpSettings()
    backend: BackendSettings = BackendSettings()
    models: ModelSettings = ModelSettings()
    plugins: PluginSettings = PluginSettings()
    jobs: JobSettings = JobSettings()
    worker: WorkerSettings = WorkerSettings()
    limits: LimitSettings = LimitSettings()
    hub: HubSettings = HubSettings()
    log: LogSettings = LogSettings()

    @property
    def embeddings_dir(self) -> Path:
        return self.data_dir / "embeddings"

    @property
    def models_dir(self) -> Path:
        return self.models.dir or self.data_dir / "models"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file())


def load_settings(**flags: Any) -> Settings:
    """The settings of this process. ``flags`` are nested dicts and win over file and environment.

    Raises :class:`SettingsError` with one line for each setting that is wrong.
    """
    return _made(Settings, flags)


class _HandedSettings(Settings):
    """Those of another process, and nothing that this one finds around it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def handed_settings(given: Mapping[str, Any]) -> Settings:
    """The settings that the parent of this process told it, whatever file and environment say.

    Raises :class:`SettingsError`.
    """
    return _made(_HandedSettings, given)


def _made(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    try:
        return kind(**values)
    except ValidationError as error:
        raise SettingsError("wrong settings: " + "; ".join(_complaint(e) for e in error.errors())) from None
    except SourceError as error:
        raise SettingsError(f'wrong settings: {error}; lists are written as JSON: ["a", "b"]') from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read {_config_file()}: {error}") from None


def _config_file() -> Path:
    """Where the file is. One that was named must be there."""
    named = os.environ.get("SERENA_CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"there is no file {named}, which SERENA_CONFIG names")
    return Path(named or CONFIG_FILE)


def _complaint(error: Mapping[str, Any]) -> str:
    """One line; what stands where a password belongs is not repeated."""
    name = ".".join(map(str, error["loc"]))
    given = error.get("input")
    # A misspelt or misplaced setting may hold a password as well, and so may whatever is no plain value.
    secret = error["type"] in ("extra_forbidden", "dict_type") or any(part in SECRET for part in error["loc"])
    shown = not secret and (given is None or isinstance(given, bool | int | float | str)) and name != "http"
    return f"{name}: {error['msg']}" + (f" (got {given!r})" if shown else "")


def ci_selects_fake(environ: dict[str, str] | None = None) -> bool:
    """Whether this is a CI run, where the fake backend draws unless a backend is configured."""
    return (environ if environ is not None else dict(os.environ)).get("CI", "").lower() == "true"

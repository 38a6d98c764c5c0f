"""What the gateway's job types declare, read tolerantly: a newer gateway may declare what this add-on does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Union

SettingValue = Union[str, int, float, bool]


@dataclass(frozen=True)
class Setting:
    key: str
    label: str
    description: str
    #: One of the API's SettingType, or one that is newer than this add-on and is treated as text.
    type: str
    default: Optional[SettingValue]
    choices: tuple[SettingValue, ...]
    minimum: Optional[float]
    maximum: Optional[float]
    is_required: bool
    is_editable: bool
    #: One of the API's SceneSource, or one that is newer than this add-on.
    scene_source: Optional[str]


@dataclass(frozen=True)
class JobType:
    name: str
    label: str
    description: str
    version: str
    settings: tuple[Setting, ...]

    def setting_of(self, source: str) -> Optional[Setting]:
        return next((setting for setting in self.settings if setting.scene_source == source), None)

    @property
    def renders_open_file(self) -> bool:
        return self.setting_of("BLEND_FILE") is not None


def read_job_type(given: Mapping[str, Any]) -> JobType:
    return JobType(
        name=given["name"],
        label=given["label"],
        description=given["description"],
        version=given["version"],
        settings=tuple(_read_setting(setting) for setting in given["settings"]),
    )


def _read_setting(given: Mapping[str, Any]) -> Setting:
    return Setting(
        key=given["key"],
        label=given["label"],
        description=given["description"],
        type=given["type"],
        default=given["default"],
        choices=tuple(given["choices"] or ()),
        minimum=given["minimum"],
        maximum=given["maximum"],
        is_required=given["required"],
        is_editable=given["editable"],
        scene_source=given["sceneSource"],
    )

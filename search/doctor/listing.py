"""All checks, in the order in which their findings are shown."""

from __future__ import annotations

from search.doctor.cluster import ClocksCheck, NodesCheck, RayCheck
from search.doctor.files import PacksCheck, SharedHomeCheck, StorageCheck
from search.doctor.graphics import GraphicsCheck
from search.doctor.machine import DiskCheck, LimitsCheck, SharedMemoryCheck
from search.doctor.protocol import AnyCheck
from search.doctor.records import StoreCheck
from search.doctor.software import VersionsCheck
from search.doctor.tracking import TrackingCheck
from search.doctor.variables import VariablesCheck

CHECKS: tuple[AnyCheck, ...] = (
    *(VersionsCheck(), VariablesCheck(), RayCheck(), NodesCheck(), GraphicsCheck()),
    *(StoreCheck(), TrackingCheck(), StorageCheck(), SharedHomeCheck(), PacksCheck()),
    *(ClocksCheck(), DiskCheck(), SharedMemoryCheck(), LimitsCheck()),
)

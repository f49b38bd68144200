"""Texts that are held to a pattern, in the value and in its JSON Schema alike."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from space.documents.validation import quote
from space.errors import InputError


@dataclass(frozen=True)
class Pattern:
    """Holds the text that it annotates to a pattern: `Annotated[str, Pattern(...)]`.

    `problem` is what is wrong with a text that does not match, `cure` what to write instead.
    """

    pattern: str
    cure: str
    problem: str = "cannot be used here"

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, text: str) -> str:
        # `$` matches before a line feed at the end, too.
        if re.search(self.pattern, text) is None or text.endswith("\n"):
            raise InputError("", f"{quote(text)} {self.problem}", self.cure)
        return text

#!/usr/bin/env python3
"""Makes the table of endpoints that the end-to-end tests send bad input to, from the specification's OpenAPI files.

    tools/spec/endpoint_table.py PATH_TO_MATRIX_SPEC > fixtures/endpoints/client-server.json

Kept of each endpoint: its method and path, whether it asks for a token or for interactive authentication, its parameters,
and the types in its JSON body. Needs PyYAML; the table is committed, so that the tests need neither it nor the specification.
"""
import json
import pathlib
import sys

import yaml

KEPT = ("type", "enum", "format", "minimum", "maximum", "required")
DEEPEST = 12


class Source:
    """The OpenAPI files, with what they refer to."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = {}

    def file(self, path):
        path = path.resolve()
        if path not in self.files:
            self.files[path] = yaml.safe_load(path.read_text())
        return self.files[path]

    def follow(self, node, place):
        """The node that a reference stands for, and the file it is in."""
        while isinstance(node, dict) and "$ref" in node:
            name, _, inner = node["$ref"].partition("#")
            place = (place.parent / name) if name else place
            node = self.file(place)
            for part in inner.strip("/").split("/") if inner else []:
                node = node[part.replace("~1", "/")]
        return node, place

    def schema(self, node, place, depth=0):
        """A schema with its references and `allOf` written out, and nothing kept but the types."""
        node, place = self.follow(node, place)
        if not isinstance(node, dict) or depth > DEEPEST:
            return {}
        kept = {name: node[name] for name in KEPT if name in node and not isinstance(node[name], bool)}
        for part in node.get("allOf", []):
            merge(kept, self.schema(part, place, depth + 1))
        for name in ("oneOf", "anyOf"):
            if name in node:
                kept["oneOf"] = [self.schema(part, place, depth + 1) for part in node[name]]
        for name, value in node.get("properties", {}).items():
            kept.setdefault("properties", {})[name] = self.schema(value, place, depth + 1)
        if isinstance(node.get("items"), dict):
            kept["items"] = self.schema(node["items"], place, depth + 1)
        others = node.get("additionalProperties")
        if isinstance(others, dict):
            kept["additionalProperties"] = self.schema(others, place, depth + 1)
        for pattern in node.get("patternProperties", {}).values():
            kept["additionalProperties"] = self.schema(pattern, place, depth + 1)
        return kept


def merge(into, other):
    for name, value in other.items():
        if name == "properties":
            into.setdefault(name, {}).update(value)
        elif name == "required":
            into[name] = sorted(set(into.get(name, [])) | set(value))
        else:
            into[name] = value


def parameters(source, nodes, place):
    found = []
    for node in nodes:
        node, where = source.follow(node, place)
        if node["in"] in ("path", "query"):
            schema = source.schema(node.get("schema", {}), where)
            found.append({"in": node["in"], "name": node["name"], "required": bool(node.get("required")), **{
                name: schema[name] for name in ("type", "enum", "minimum", "maximum") if name in schema}})
    return found


def endpoint(source, place, base, path, method, node, shared):
    entry = {"method": method.upper(), "path": base + path, "token": bool(node.get("security"))}
    if any("AuthenticationResponse" in str(answer) or "auth_response" in str(answer)
           for answer in node.get("responses", {}).values()):
        entry["interactive"] = True
    entry["parameters"] = parameters(source, shared + node.get("parameters", []), place)
    body, where = source.follow(node.get("requestBody"), place)
    if body:
        kinds = body.get("content", {})
        if "application/json" in kinds:
            entry["body"] = source.schema(kinds["application/json"].get("schema", {}), where)
        else:
            entry["upload"] = True
    return entry


def main():
    source = Source(sys.argv[1])
    table = []
    for place in sorted((source.root / "data/api/client-server").glob("*.yaml")):
        document = source.file(place)
        base = document.get("servers", [{}])[0].get("variables", {}).get("basePath", {}).get("default", "")
        for path, methods in document.get("paths", {}).items():
            shared = methods.get("parameters", [])
            for method, node in methods.items():
                if method in ("get", "put", "post", "delete", "patch"):
                    table.append(endpoint(source, place, base, path, method, node, shared))
    table.sort(key=lambda entry: (entry["path"], entry["method"]))
    # A line for each endpoint, so that a change of the specification shows as one.
    print("[\n" + ",\n".join(json.dumps(entry, sort_keys=True) for entry in table) + "\n]")


if __name__ == "__main__":
    main()

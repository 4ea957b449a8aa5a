"""Lines of box CSVs in Open Images columns."""

COLUMNS = ["ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax"]
COLUMNS += ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
HEADER = ",".join(COLUMNS)
GOOD = "0a,xclick,/m/1,1,0.1,0.5,0.2,0.6,0,0,0,0,0"


def row(**values: str) -> str:
    """The good row with other values."""
    cells = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | values
    return ",".join(cells.values())


def lines(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()

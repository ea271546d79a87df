"""Compiles and runs a Java program with the libraries of a Maven project.

The compiler is Eclipse's, fetched with Maven: a machine that runs Kafka has a Java, and not always the JDK's compiler.
"""

from __future__ import annotations

from pathlib import Path

from tests.beds.process import Child
from tools.cluster import assets
from tools.cluster.making import appearing_whole, run

_COMPILER = "org.eclipse.jdt:ecj:3.33.0"
_RELEASE = "17"
# What the program prints is all that it writes, in UTF-8 wherever it runs (Java 17 and newer name it differently).
_QUIET = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8")


def libraries(pom: Path) -> Path:
    """The folder of the cache with the jars of a Maven project and the compiler. Raises CannotBuild."""
    folder = assets.cache_folder() / f"java-{assets.digest(pom.read_bytes(), _COMPILER.encode())}"
    if folder.is_dir():
        return folder
    with appearing_whole(folder) as unfinished:
        maven = ["mvn", "--batch-mode", "--quiet", "--file", str(pom), f"-DoutputDirectory={unfinished}"]
        run([*maven, "dependency:copy-dependencies"], f"the libraries of {pom.parent.name}")
        run([*maven, "dependency:copy", f"-Dartifact={_COMPILER}"], "a compiler of Java")
    return folder


def start(source: Path, pom: Path, folder: Path, *arguments: str) -> Child:
    """Compile a program into ``folder`` and start it. Raises CannotBuild with the compiler's words."""
    jars = f"{libraries(pom)}/*"
    compiler = "org.eclipse.jdt.internal.compiler.batch.Main"
    classes = ["-cp", ":".join(map(str, sorted(libraries(pom).glob("*.jar")))), "-d", str(folder)]
    run(
        ["java", "-cp", jars, compiler, "--release", _RELEASE, "-nowarn", *classes, str(source)],
        f"compiling {source.name}",
    )
    return Child(["java", *_QUIET, "-cp", f"{folder}:{jars}", source.stem, *arguments], folder / f"{source.stem}.log")

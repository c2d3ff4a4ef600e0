import { assertEquals, assertStringIncludes } from "@std/assert";
import { leadTo, prepareRecipe } from "../docs/recipe.ts";
import { origin } from "../helpers/origin.ts";
import { keys } from "../helpers/s3_objects.ts";
import { s3Test } from "../helpers/s3_server.ts";

for (const kind of ["versitygw", "moto"] as const) {
  s3Test(kind, "how to: A mirror in a bucket", async (server, bucket) => {
    await using files = origin({ "/data/a.csv": "a\n", "/data/b.csv": "b\n" });
    const store = `s3://${bucket}/mirror?region=us-east-1&endpoint=${server.endpoint}`;
    await using recipe = await prepareRecipe("A mirror in a bucket", {
      change: (text) => leadTo(files.origin)(text).replace(/s3:[^"]*/, () => store),
      env: server.env,
    });
    const doctor = await recipe.run("cronfetch doctor");
    assertEquals(doctor.exitCode, 0, doctor.stdout);
    assertStringIncludes(doctor.stdout, "s3:PutObject");
    const { exitCode, stderr } = await recipe.run("cronfetch run");
    assertEquals(exitCode, 0, stderr);
    assertEquals(await keys(server, bucket), [
      "mirror/a.csv",
      "mirror/tables/b.csv",
    ]);
  });
}

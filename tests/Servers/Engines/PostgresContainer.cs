using System.Diagnostics;
using Tracking.Standalone;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Servers.Engines;

/// <summary>PostgreSQL as a container, on the same folder and with the same settings as
/// <see cref="LocalPostgresEngine"/>.</summary>
/// <remarks>PostgreSQL refuses root, and users that are not in <c>/etc/passwd</c>. So the container gets a passwd file
/// with the owner of the folder.</remarks>
internal static class PostgresContainer
{
    // The image's user. The number only decides who owns the files when root runs the tests.
    private const string NotRoot = "999:999";

    private const string PasswordFile = "/run/tracking-test-password";

    /// <summary>Makes the cluster.</summary>
    public static async Task InitializeAsync(DataFolder data, bool durable)
    {
        DataFolder.WriteSecret(data.DatabasePassword, "only-of-this-test-run\n");
        DataFolder.CreateFolder(data.Cluster);
        var user = await UserAsync(data);
        await using var initdb = await ContainerEngine.StartAsync(
            Program(data, [
                "initdb", "-D", data.Cluster, "--username", InitializePostgres.User, "--encoding", "UTF8",
                "--locale", "C.UTF-8", "--auth", "scram-sha-256", $"--pwfile={PasswordFile}",
                "--data-checksums", "--no-instructions", .. durable ? [] : (string[])["--no-sync"],
            ]),
            user,
            new Dictionary<string, string>
            {
                ["/etc/passwd"] = UsersFile(data),
                [PasswordFile] = data.DatabasePassword,
            });
        if (await initdb.EndAsync() != 0)
        {
            throw new InvalidOperationException($"initdb failed:\n{await initdb.ReadOutputAsync()}");
        }
    }

    /// <summary>Starts the server.</summary>
    public static async Task<IEngine> StartAsync(DataFolder data, ServerSettings settings) =>
        await ContainerEngine.StartAsync(
            Program(data, [
                "postgres", "-D", data.Cluster, .. settings.Arguments(),
                // The last of several values wins. A path in LaunchPostgres's form has no meaning in the container.
                "-c", $"unix_socket_directories={data.Cluster}",
            ]),
            await UserAsync(data),
            new Dictionary<string, string> { ["/etc/passwd"] = UsersFile(data) });

    private static EngineProgram Program(DataFolder data, string[] command) => new()
    {
        Image = EngineImages.Postgres,
        Command = command,
        Folder = data.Cluster,
        // The image keeps its programs in a folder that is in no PATH except that of its entry point.
        ContainerCommand = ["/bin/sh", "-c", "PATH=\"$(echo /usr/lib/postgresql/*/bin):$PATH\" exec \"$@\"", "sh", .. command],
    };

    private static string UsersFile(DataFolder data) => data.In("passwd");

    /// <returns>The numbers of the user and of the user's group.</returns>
    private static async Task<string> UserAsync(DataFolder data)
    {
        var user = Environment.IsPrivilegedProcess ? NotRoot : ContainerEngine.OwnUser;
        if (Environment.IsPrivilegedProcess)
        {
            using var own = Process.Start("chown", ["-R", user, data.Cluster, data.DatabasePassword]);
            await own.WaitForExitAsync();
        }

        await File.WriteAllTextAsync(
            UsersFile(data), $"root:x:0:0::/root:/bin/sh\npostgres:x:{user}::/tmp:/bin/sh\n");
        File.SetUnixFileMode(
            UsersFile(data), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead
            | UnixFileMode.OtherRead);
        return user;
    }
}

using System.Security.Cryptography;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>Makes the database cluster at the first start: as a whole or not at all.</summary>
internal static class InitializePostgres
{
    /// <summary>The superuser. The services use it, because the server belongs to them alone.</summary>
    public const string User = "tracking";

    // 160 bits, like the API keys.
    private const int PasswordLength = 32;
    private const string PasswordAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>Creates the password and the cluster unless they exist. Blocks for about a second.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="binaries">PostgreSQL's programs.</param>
    /// <param name="durable">Whether the new files are forced to disk.</param>
    /// <exception cref="StartUpException"><c>initdb</c> fails, or the password of an existing cluster is
    /// missing.</exception>
    public static void UnlessThere(DataFolder folder, PostgresBinaries binaries, bool durable)
    {
        var exists = Directory.Exists(folder.Cluster);
        if (exists && !File.Exists(folder.DatabasePassword))
        {
            throw new StartUpException(
                $"{folder.DatabasePassword} is missing: restore it; the database has no other.", StartUp.Failed);
        }

        if (exists)
        {
            return;
        }

        if (!File.Exists(folder.DatabasePassword))
        {
            DataFolder.WriteSecret(
                folder.DatabasePassword, RandomNumberGenerator.GetString(PasswordAlphabet, PasswordLength));
        }

        // Made under another name and renamed when complete, so a killed start leaves no incomplete cluster.
        var unfinished = folder.Cluster + ".new";
        if (Run(unfinished, folder, binaries, durable, "C.UTF-8") is { } failure
            && (!failure.Contains("invalid locale", StringComparison.Ordinal)
                || (failure = Run(unfinished, folder, binaries, durable, "C")) is not null))
        {
            throw new StartUpException(
                $"initdb of PostgreSQL {binaries.Major} failed: {failure}", StartUp.Failed);
        }

        Directory.Move(unfinished, folder.Cluster);
    }

    /// <returns>The program's message when it failed, otherwise <see langword="null"/>.</returns>
    private static string? Run(
        string unfinished, DataFolder folder, PostgresBinaries binaries, bool durable, string locale)
    {
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        DataFolder.CreateFolder(unfinished);
        using var process = LaunchPostgres.Start(
            unfinished,
            folder.DatabasePassword,
            [
                binaries.Initdb, "-D", LaunchPostgres.Folder, "--username", User, "--encoding", "UTF8",
                "--locale", locale, "--auth", "scram-sha-256", $"--pwfile={LaunchPostgres.PasswordFile}",
                "--data-checksums",
                "--no-instructions", .. durable ? [] : (string[])["--no-sync"],
            ]);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        _ = output.Result;
        return process.ExitCode == 0 ? null : errors.Trim();
    }
}

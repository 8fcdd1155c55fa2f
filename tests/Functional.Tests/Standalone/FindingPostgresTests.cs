using System.Diagnostics;
using Tracking.Servers;
using Tracking.ServiceDefaults.Hosting;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Functional.Tests.Standalone;

public sealed class FindingPostgresTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_newest_version_makes_a_new_cluster() =>
        Assert.Equal(
            17, FindPostgres.For(null, _folder.In("none"), [Installed(15), Installed(17), Installed(16)]).Major);

    [Fact]
    public void A_cluster_is_opened_by_the_version_that_made_it() =>
        Assert.Equal(15, FindPostgres.For(null, Cluster(15), [Installed(15), Installed(17)]).Major);

    [Fact]
    public void A_cluster_of_a_version_that_is_not_installed_is_refused_with_what_to_install()
    {
        var refused = Assert.Throws<StartUpException>(() => FindPostgres.For(null, Cluster(16), [Installed(17)]));

        Assert.Contains("was made by PostgreSQL 16; found here: 17 in ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install postgresql-16", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_without_PostgreSQL_is_told_what_to_install()
    {
        var refused = Assert.Throws<StartUpException>(() => FindPostgres.For(null, _folder.In("none"), [_folder.Path]));

        Assert.StartsWith(
            "PostgreSQL was not found. Install it (Debian, Ubuntu: apt-get install postgresql)",
            refused.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_older_than_the_schema_is_tested_with_is_refused()
    {
        var refused = Assert.Throws<StartUpException>(
            () => FindPostgres.For(null, _folder.In("none"), [Installed(13)]));

        Assert.Contains("is too old: install 15 or newer", refused.Message, StringComparison.Ordinal);
    }

    private string Cluster(int major)
    {
        var cluster = Directory.CreateDirectory(_folder.In("cluster")).FullName;
        File.WriteAllText(Path.Combine(cluster, "PG_VERSION"), $"{major}\n");
        return cluster;
    }

    private string Installed(int major)
    {
        var bin = Directory.CreateDirectory(_folder.In($"{major}/bin")).FullName;
        foreach (var program in (string[])["postgres", "initdb"])
        {
            var script = _folder.In("script");
            File.WriteAllText(script, $"#!/bin/sh\necho '{program} (PostgreSQL) {major}.2 (Debian {major}.2-1)'\n");

            // Written by another process. If this process had the file open for writing, a program that another test
            // starts would inherit it, and a file that is open for writing cannot be executed (ETXTBSY).
            using var install = Process.Start("install", ["-m", "700", script, Path.Combine(bin, program)]);
            install.WaitForExit();
            Assert.Equal(0, install.ExitCode);
        }

        return bin;
    }
}

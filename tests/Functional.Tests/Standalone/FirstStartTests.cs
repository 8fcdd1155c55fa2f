using System.Security.Cryptography;
using System.Text;

namespace Tracking.Functional.Tests.Standalone;

[Collection(nameof(RestartedCollection))]
public sealed class FirstStartTests(RestartedStandalone standalone)
{
    [Fact]
    public async Task The_admin_key_is_kept_in_its_file_and_in_no_journal_and_its_hash_is_stored()
    {
        var first = standalone.First;
        var key = first.AdminKey;

        // Crockford's digits: no i, l, o and u.
        Assert.Matches("^trk_[0-9a-hjkmnp-tv-z]{32}$", key);
        Assert.Contains($"admin key  in {standalone.Process.DataFolder}/admin.key", first.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(key, first.Output, StringComparison.Ordinal);
        Assert.Equal([SHA256.HashData(Encoding.UTF8.GetBytes(key))], first.AdminHashes);

        Assert.Equal(key, standalone.Process.AdminKey);
        Assert.DoesNotContain(key, standalone.Process.Output, StringComparison.Ordinal);
        Assert.Equal(first.AdminHashes, await standalone.AdminHashesAsync());
    }

    [Fact]
    public void Secrets_are_readable_by_their_owner_only()
    {
        var data = standalone.Process.DataFolder;
        foreach (var file in (string[])["admin.key", "master.key", "postgres.password", "postgres.uri"])
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(data, file)));
        }

        var master = Convert.FromBase64String(File.ReadAllText(Path.Combine(data, "master.key")));
        Assert.Equal(32, master.Length);
    }

    [Fact]
    public async Task A_data_folder_nobody_else_can_reach_works_and_keeps_its_modes()
    {
        Assert.NotEmpty(standalone.First.AdminHashes);
        Assert.NotEmpty(await standalone.AdminHashesAsync());

        Assert.Equal(RestartedStandalone.OwnerOnly, File.GetUnixFileMode(standalone.ClosedFolder));
        Assert.Equal(RestartedStandalone.OwnerOnly, File.GetUnixFileMode(standalone.Process.DataFolder));
    }

    [Fact]
    public async Task A_second_start_on_the_same_folder_is_refused_and_harms_nothing()
    {
        var first = standalone.Process;
        await StartFailuresTests.AssertRefusedAsync(
            new() { ["TRACKING_DATA"] = first.DataFolder }, $"is in use by another Tracking (process {first.Id})");

        using var client = new HttpClient();
        using var answer = await client.GetAsync(first.Api, TestContext.Current.CancellationToken);
        Assert.True(Directory.Exists(Path.Combine(first.DataFolder, "postgres")));
        Assert.NotEmpty(await standalone.AdminHashesAsync());
    }
}

using Tracking.Database;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Management;

public sealed class MasterKeyTests(TestPostgres server)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_rotation_is_told_to_its_end_and_signing_keys_open_with_the_next_key_alone()
    {
        var next = Enumerable.Repeat((byte)7, MasterKey.Size).ToArray();
        await using var host = new ManagementHost(server)
        {
            // The database was made with the old key.
            Settings =
            {
                ["Tracking:MasterKey"] = Convert.ToBase64String(next),
                ["Tracking:MasterKeyVersion"] = "2",
                ["Tracking:OtherMasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
                ["Tracking:OtherMasterKeyVersion"] = "1",
            },
        };
        await host.InitializeAsync();

        await Eventually.HoldsAsync(
            async () =>
                (bool)(await ManagementHost.GetAsync(host.Admin, "/api/v1/master-key"))["otherIsNeeded"]! == false,
            "nothing is sealed under the old key any more", Cancelled);

        var told = await ManagementHost.GetAsync(host.Admin, "/api/v1/master-key");
        Assert.Equal((2, 1), ((int)told["version"]!, (int)told["otherVersion"]!));
        Assert.StartsWith("Nothing is sealed under version 1", (string)told["sentence"]!, StringComparison.Ordinal);
        var signing = told["items"]!.AsArray().Single(item => (string)item!["kind"]! == "signing-keys")!;
        Assert.Equal((2, 1), ((int)signing["version"]!, (int)signing["keys"]!));
        using var alone = new MasterKey(next);
        var ring = new SigningKeyRing(host.DataSource, alone, TimeProvider.System);
        await ring.RefreshAsync(Cancelled);
        Assert.Empty(ring.Faults);
        Assert.NotNull(ring.Current);

        // A process with the old settings still seals under the old key. The new process seals such rows again and
        // reports the progress.
        using var old = new MasterKey(new byte[MasterKey.Size]);
        await host.ExecuteAsync(
            "INSERT INTO links.signing_keys (version, sealed, signs_from) VALUES (9, $1, now() + interval '1 day')",
            old.Seal(new byte[SigningKey.Size], SigningKeyRing.Purpose(9)));
        var (code, output, _) = await Cli.Trackctl.RunAsync(host.Url, host.AdminKey, "master-key");
        Assert.Equal(3, code);
        Assert.Contains("Keys still sealed under version 1 of the master key: 1.", output, StringComparison.Ordinal);
    }
}

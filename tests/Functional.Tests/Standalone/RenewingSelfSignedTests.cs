using Microsoft.Extensions.Time.Testing;
using Tracking.Servers;
using Tracking.Standalone;

namespace Tracking.Functional.Tests.Standalone;

public sealed class RenewingSelfSignedTests
{
    [Theory]
    [InlineData(300, false)]
    [InlineData(380, true)]
    [InlineData(2000, true)]
    public void A_certificate_is_made_anew_before_it_expires_while_the_process_runs(int days, bool renewed)
    {
        using var folder = new TemporaryFolder();
        using var data = DataFolder.Open(folder.Path);
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        using var certificates = new SelfSignedCertificate(data, "track.localhost", clock);
        var first = certificates.Current().Thumbprint;

        clock.Advance(TimeSpan.FromDays(days));

        Assert.Equal(renewed, certificates.Current().Thumbprint != first);
        Assert.True(certificates.Current().NotAfter.ToUniversalTime() > clock.GetUtcNow().UtcDateTime);
    }

    [Theory]
    [InlineData("track.localhost", true)]
    [InlineData("track.example.net", false)]
    public void A_kept_certificate_serves_the_next_start_unless_the_system_host_changed(string host, bool kept)
    {
        using var folder = new TemporaryFolder();
        using var data = DataFolder.Open(folder.Path);
        using var first = new SelfSignedCertificate(data, "track.localhost", TimeProvider.System);
        using var second = new SelfSignedCertificate(data, host, TimeProvider.System);

        Assert.Equal(kept, first.Current().Thumbprint == second.Current().Thumbprint);
    }

    [Fact]
    public void A_damaged_file_is_replaced()
    {
        using var folder = new TemporaryFolder();
        using var data = DataFolder.Open(folder.Path);
        File.WriteAllText(data.EdgeCertificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        using var certificates = new SelfSignedCertificate(data, "track.localhost", TimeProvider.System);

        Assert.True(certificates.Current().HasPrivateKey);
    }
}

namespace Tracking.Functional.Tests.Standalone;

[Collection(nameof(RestartedCollection))]
public sealed class EdgeTlsTests(RestartedStandalone standalone)
{
    [Fact]
    public void The_self_signed_certificate_names_the_system_host_and_loopback() => Assert.All(
        (string[])["track.example.net", "localhost", "127.0.0.1", "::1"],
        name => Assert.True(standalone.First.Certificate.MatchesHostname(name), name));

    [Fact]
    public async Task The_self_signed_certificate_is_kept_over_a_restart()
    {
        using var second = await standalone.CertificateAsync();

        Assert.Equal(standalone.First.Certificate.Thumbprint, second.Thumbprint);
    }
}

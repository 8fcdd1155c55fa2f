using Microsoft.Extensions.Configuration;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.RedirectEdge.Tests;

public sealed class RedirectEdgeOptionsTests
{
    [Theory]
    [InlineData("MaxLinkCopyBytes", 1L << 30, "65536 to 1073741824")]
    [InlineData("SegmentBytes", 8L << 20, "4096 to 8388608")]
    public void What_cannot_work_is_refused_at_start_with_one_line(string name, long largest, string takes)
    {
        Read(name, largest);
        var refused = Assert.Throws<StartUpException>(() => Read(name, largest + 1));
        Assert.Equal(
            $"Tracking__Edge__{name}: got \"{largest + 1}\", takes a whole number from {takes}", refused.Message);
    }

    private static RedirectEdgeOptions Read(string name, long value) => new ConfigurationBuilder()
        .AddInMemoryCollection([KeyValuePair.Create($"Tracking:Edge:{name}", (string?)$"{value}")])
        .Build()
        .ReadTrackingOptions<RedirectEdgeOptions>(RedirectEdgeOptions.Section);
}

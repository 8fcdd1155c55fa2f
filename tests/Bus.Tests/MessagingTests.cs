using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Tests;

namespace Tracking.Bus.Tests;

public sealed class MessagingTests
{
    [Fact]
    public async Task The_bus_does_not_report_itself_to_its_makers()
    {
        await using var host = await TestHost.StartAsync();

        Assert.False(host.Services.GetRequiredService<IOptions<UsageTelemetryOptions>>().Value.Enabled);
    }
}

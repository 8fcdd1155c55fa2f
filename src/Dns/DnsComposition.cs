using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Dns;

/// <summary>Registers what a service needs to ask DNS.</summary>
public static class DnsComposition
{
    /// <summary>Adds the settings and the classes of this namespace. May be called twice.</summary>
    public static IHostApplicationBuilder AddDns(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddTrackingOptions<DnsOptions>(DnsOptions.Section);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.TryAddSingleton<AskNameServer>();
        builder.Services.TryAddSingleton<AskResolver>();
        builder.Services.TryAddSingleton<AddressGuard>();
        builder.Services.TryAddSingleton<FindNameServers>();
        builder.Services.TryAddSingleton<FindFreshAddresses>();
        builder.Services.TryAddSingleton<AskCaa>();
        return builder;
    }
}

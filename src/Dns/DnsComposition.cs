using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Dns;

/// <summary>Asking DNS, for the services that do.</summary>
public static class DnsComposition
{
    /// <summary>Adds the settings, our own resolver, name servers that others choose, fresh addresses, and CAA. Twice
    /// is once.</summary>
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

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Hosting;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// Default log levels. Every other source of configuration overrides them: <c>Logging__LogLevel__…</c>.
/// </summary>
public static class LogLevels
{
    /// <summary>
    /// Information for our own categories, and warnings for all others. At their default level the others log each
    /// request with two lines and its whole URL, and the URL of a click identifies a recipient.
    /// </summary>
    public static IHostApplicationBuilder AddLogLevels(this IHostApplicationBuilder builder)
    {
        ((IConfigurationBuilder)builder.Configuration).Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData =
            [
                new("Logging:LogLevel:Default", "Warning"),
                new("Logging:LogLevel:Tracking", "Information"),
                new("Logging:LogLevel:Microsoft.AspNetCore", "Warning"),
                new("Logging:LogLevel:Microsoft.EntityFrameworkCore", "Warning"),
                new("Logging:LogLevel:System.Net.Http", "Warning"),
            ],
        });
        return builder;
    }
}

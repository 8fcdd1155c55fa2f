using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Hosting;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// Default log levels, below every other source of configuration: <c>Logging__LogLevel__…</c> says otherwise.
/// </summary>
public static class LogLevels
{
    /// <summary>
    /// Information of our own, warnings of everything else. At their own level each request is two lines that hold its whole URL, and
    /// each click's URL identifies a recipient.
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

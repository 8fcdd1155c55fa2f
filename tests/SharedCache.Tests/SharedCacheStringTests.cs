using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.SharedCache.Tests;

public sealed class SharedCacheStringTests
{
    [Theory]
    [InlineData("redis://:secret@host:6379")]
    [InlineData("host:99999,password=secret")]
    [InlineData("host:6379,pasword=secret")]
    [InlineData("host:6379,password=abc,secret")]
    [InlineData("host:6379,password=abc,secret=def")]
    [InlineData("host:6379,password=secret,ssl=maybe")]
    [InlineData("password=secret")]
    [InlineData(",")]
    public async Task A_wrong_string_is_one_line_that_names_the_setting_and_shows_nothing_of_it(string wrong)
    {
        using var error = new StringWriter();
        var code = await StartUp.RunOrExplainAsync(
            () =>
            {
                var builder = Builder(wrong);
                using var app = builder.Build();
                app.Services.GetRequiredService<Microsoft.Extensions.Options.IStartupValidator>().Validate();
                return Task.CompletedTask;
            },
            error);

        Assert.Equal(StartUp.ConfigurationError, code);
        var line = Assert.Single(error.ToString().TrimEnd().Split('\n'));
        Assert.StartsWith("Tracking cannot start: ConnectionStrings__redis: got ***, takes host:port", line);
        Assert.DoesNotContain("secret", line, StringComparison.Ordinal);
        Assert.Contains(
            "ConnectionStrings__redis", Assert.Throws<StartUpException>(() => Builder(wrong).CheckSettings()).Message);
    }

    [Theory]
    [InlineData("redis:6379")]
    [InlineData("redis:6379,password=a=b")]
    [InlineData("redis:6380,password=x,ssl=true")]
    [InlineData("redis-0:6379,redis-1:6379,password=x,abortConnect=true")]
    [InlineData("localhost")]
    public void A_right_string_is_taken_and_never_aborts_the_start(string right)
    {
        var builder = Builder(right);
        builder.CheckSettings();
        Assert.Contains(builder.Services, service => service.ServiceType == typeof(SharedValues));

        var connection = SharedCacheString.With(
            SharedCacheString.Parse(builder.Configuration)!, new SharedCacheOptions());
        Assert.False(connection.AbortOnConnectFail);
        Assert.Equal(2_000, connection.ConnectTimeout);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    public void Without_a_string_there_is_no_cache_and_nothing_of_it(string? absent)
    {
        var builder = Builder(absent);
        builder.CheckSettings();
        Assert.DoesNotContain(builder.Services, service => service.ServiceType == typeof(SharedValues));
        Assert.DoesNotContain(builder.Services, service => service.ServiceType == typeof(SharedLinks));
        Assert.DoesNotContain(builder.Services, service => service.ServiceType == typeof(SharedCacheConnection));
    }

    [Fact]
    public void A_timeout_above_50_milliseconds_is_refused()
    {
        var builder = Builder("redis:6379");
        builder.Configuration["Tracking:SharedCache:CallTimeout"] = "00:00:00.051";
        Assert.Contains(
            "Tracking__SharedCache__CallTimeout",
            Assert.Throws<StartUpException>(builder.CheckSettings).Message,
            StringComparison.Ordinal);
    }

    private static HostApplicationBuilder Builder(string? connection)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?> { ["ConnectionStrings:redis"] = connection });
        builder.AddSharedCache().AddSharedCache();
        return builder;
    }
}

using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Tracking.AppHost.Engines;

namespace Tracking.AppHost.Tests;

public sealed class ChooseEnginesTests
{
    [Fact]
    public void Engines_are_programs_or_containers_of_the_same_names()
    {
        string[] names = ["postgres", "rabbitmq", "redis"];
        Assert.Equal(names, Chosen("local").OfType<ExecutableResource>().Select(engine => engine.Name));
        Assert.Equal(names, Chosen("containers").OfType<ContainerResource>().Select(engine => engine.Name));
        Assert.Empty(Chosen("local").OfType<ContainerResource>());
    }

    [Fact]
    public void Auto_takes_the_same_kind_for_all_of_them()
    {
        var resources = Chosen("auto");
        Assert.Contains(
            (resources.OfType<ExecutableResource>().Count(), resources.OfType<ContainerResource>().Count()),
            new[] { (3, 0), (0, 3) });
    }

    [Fact]
    public void An_unknown_kind_is_refused_with_those_that_there_are()
    {
        var refused = Assert.Throws<DistributedApplicationException>(() => Chosen("podman"));
        Assert.Equal("Engines: got \"podman\", takes auto, containers or local", refused.Message);
    }

    // Drawn, never started.
    private static IResourceCollection Chosen(string engines)
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
        {
            AssemblyName = typeof(Projects.AppHost).Assembly.GetName().Name,
            Args = [$"--engines={engines}"],
            DisableDashboard = true,
        });
        var chosen = ChooseEngines.For(builder, "/nowhere");
        chosen.AddPostgres("postgres", database: "tracking");
        chosen.AddRabbitMQ("rabbitmq");
        chosen.AddRedis("redis");
        return builder.Resources;
    }
}

[assembly: AssemblyFixture(typeof(KlingPS.Tests.Hosting.FirstShell))]

namespace KlingPS.Tests.Hosting;

/// <summary>
/// The first runspace of the process, opened before the tests begin. The engine keeps the cmdlets and then the providers of an assembly that
/// it has read: a runspace that is opened at the same time as the first one can find these without those, and has no ForEach-Object.
/// </summary>
public sealed class FirstShell
{
    public FirstShell()
    {
        using var shell = new HostedShell();
    }
}

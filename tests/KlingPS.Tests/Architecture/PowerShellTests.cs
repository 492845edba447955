using KlingPS.Core;
using KlingPS.Sandbox;

namespace KlingPS.Tests.Architecture;

public sealed class PowerShellTests
{
    [Theory]
    [InlineData(typeof(KlingException))]
    [InlineData(typeof(SandboxBill))]
    public void Only_the_cmdlets_know_PowerShell(Type typeOfAssembly)
    {
        IEnumerable<string> references = TypeGraph.Read(typeOfAssembly.Assembly).AssemblyReferences;

        Assert.DoesNotContain(references, name => name.StartsWith("System.Management.Automation", StringComparison.Ordinal) || name.StartsWith("Microsoft.PowerShell", StringComparison.Ordinal));
    }
}

using System.Management.Automation;
using System.Reflection;
using KlingPS.Commands.Base;
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

    [Fact]
    public void No_helper_of_a_cmdlet_knows_a_cmdlet()
    {
        const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        IEnumerable<string> taken = typeof(KlingCommand).Assembly.GetTypes()
            .Where(type => !IsCmdlet(type.DeclaringType ?? type))
            .SelectMany(type => type.GetMembers(All).SelectMany(member => TypesOf(member).Where(IsCmdlet).Select(cmdlet => $"{type.Name}.{member.Name} knows {cmdlet.Name}")));

        Assert.Empty(taken);

        static bool IsCmdlet(Type type) => typeof(Cmdlet).IsAssignableFrom(type);

        static IEnumerable<Type> TypesOf(MemberInfo member) => member switch
        {
            FieldInfo field => [field.FieldType],
            MethodInfo method => [method.ReturnType, .. method.GetParameters().Select(parameter => parameter.ParameterType)],
            ConstructorInfo constructor => constructor.GetParameters().Select(parameter => parameter.ParameterType),
            _ => [],
        };
    }
}

using System.Reflection;
using KlingPS.Commands.Base;
using KlingPS.Core;

namespace KlingPS.Tests.Architecture;

/// <summary>What is loaded with the module, and what only when it is needed.</summary>
public sealed class ImportTests
{
    /// <summary>PowerShell loads every public type of the module. Their bases, interfaces and fields of value types are loaded with them; what methods use is not.</summary>
    [Fact]
    public void The_import_of_the_module_does_not_load_the_engine()
    {
        Assembly engine = typeof(KlingException).Assembly;
        const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

        IEnumerable<string> loaded = typeof(KlingCommand).Assembly.GetExportedTypes().SelectMany(type => type.GetFields(All)
            .Select(field => field.FieldType)
            .Where(field => field.IsValueType)
            .Concat(type.GetInterfaces())
            .Append(type.BaseType ?? typeof(object))
            .Where(needed => needed.Assembly == engine || needed.GenericTypeArguments.Any(argument => argument.Assembly == engine))
            .Select(needed => $"{type.Name}: {needed.Name}"));

        Assert.Empty(loaded);
    }
}

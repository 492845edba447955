using System.Collections;
using System.Management.Automation;
using System.Reflection;
using KlingPS.Commands.Base;

namespace KlingPS.Tests.Architecture;

public sealed class EmittedTypeTests
{
    private static readonly string[] s_assemblies = ["KlingPS", "KlingPS.Core", "KlingPS.Sandbox"];

    [Fact]
    public void What_is_one_of_several_words_is_text_in_every_object_that_cmdlets_emit()
    {
        // PowerShell's ConvertTo-Json writes an enum as a number, and no attribute of ours changes that.
        IEnumerable<string> enums = EmittedTypes().SelectMany(type => MembersOf(type)
            .Where(member => Parts(member.Type).Any(part => part.IsEnum))
            .Select(member => $"{type.Name}.{member.Name}"));

        Assert.Empty(enums);
    }

    [Fact]
    public void What_is_a_list_is_an_array_in_every_object_that_cmdlets_emit()
    {
        // PowerShell does not index the lists that the compiler makes for an interface: $model.MadeFrom[0] would be all of them.
        IEnumerable<string> lists = EmittedTypes().SelectMany(type => MembersOf(type)
            .Where(member => typeof(IEnumerable).IsAssignableFrom(member.Type) && member.Type != typeof(string) && !member.Type.IsArray && !IsDictionary(member.Type))
            .Select(member => $"{type.Name}.{member.Name}"));

        Assert.Empty(lists);
    }

    [Fact]
    public void The_types_that_are_looked_at_are_those_that_users_meet()
        => Assert.Superset(
            new HashSet<string> { "KlingVideoTask", "KlingUpload", "ImageReport", "CallbackReport", "KlingSandbox", "SandboxFault", "SandboxTask", "SandboxRequest" },
            EmittedTypes().Select(type => type.Name).ToHashSet());

    /// <summary>Our types that cmdlets say they emit, and those that can be reached from them.</summary>
    private static HashSet<Type> EmittedTypes()
    {
        var emitted = new HashSet<Type>();
        var rest = new Queue<Type>(typeof(KlingCommand).Assembly.GetExportedTypes()
            .Where(type => typeof(Cmdlet).IsAssignableFrom(type) && !type.IsAbstract)
            .SelectMany(type => type.GetCustomAttributes<OutputTypeAttribute>())
            .SelectMany(attribute => attribute.Type.Select(name => name.Type)));
        while (rest.TryDequeue(out Type? type))
        {
            if (s_assemblies.Contains(type.Assembly.GetName().Name) && emitted.Add(type))
            {
                foreach (Type part in MembersOf(type).SelectMany(member => Parts(member.Type)))
                {
                    rest.Enqueue(part);
                }
            }
        }

        return emitted;
    }

    private static bool IsDictionary(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>);

    private static IEnumerable<(string Name, Type Type)> MembersOf(Type type)
        =>
        [
            .. type.GetProperties(BindingFlags.Instance | BindingFlags.Public).Select(property => (property.Name, property.PropertyType)),
            .. type.GetFields(BindingFlags.Instance | BindingFlags.Public).Select(field => (field.Name, field.FieldType)),
        ];

    /// <summary>A type and what it is made of: the elements of a list, what may be null.</summary>
    private static IEnumerable<Type> Parts(Type type)
        => [type, .. type.GetGenericArguments().SelectMany(Parts), .. type.GetElementType() is Type element ? Parts(element) : []];
}
